// Rings: the last changes that each API process made for each gateway, which the gateway's agent
// watches. One writer each, so that no two of them contend; small at rest and deep under load.
// Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "consul/codec.h"

namespace peerage::consul {

/// A ring as its writer knows it.
struct ring {
  struct change {
    std::string key;  // a public key in base64
    wall_time at;     // when it was written; what was loaded from Consul has the ring's own time
  };
  std::uint64_t sequence = 0;  // of the last of `changes`; they are numbered without a gap
  std::deque<change> changes;
};

/// Adds the keys, and drops what is beyond 512 changes or older than 2 s, and beyond 32 changes
/// what is older than 100 ms.
void append(ring& to, const std::set<std::string>& keys, wall_time now);
std::string write_ring(const ring& from, std::string_view epoch, wall_time now);

/// A ring as it stands in Consul.
struct ring_text {
  std::uint64_t sequence = 0;
  std::vector<std::string> changes;
  std::string epoch;
  wall_time written_at;
};
/// Nothing where it can't be read.
std::optional<ring_text> read_ring(std::string_view text);

/// Up to where a reader knows a gateway's rings.
struct place_in_rings {
  std::string epoch;
  std::uint64_t index = 0;                       // of Consul, to wait at
  std::map<std::string, std::uint64_t> known;    // by API process: the sequence
  std::map<std::string, std::uint64_t> garbage;  // by API process: the index of what can't be read
};
std::string write_place(const place_in_rings& from);
/// Nothing for text that is none of ours.
std::optional<place_in_rings> read_place(std::string_view text);

/// What the rings of a folder tell behind a place.
struct ring_news {
  bool gap = false;                  // they don't tell what changed
  bool other_epoch = false;          // one was written in another epoch
  std::set<std::string> changes;     // public keys in base64
  std::uint64_t recorded = 0;        // so many changes happened, told or not
  std::vector<std::string> garbage;  // keys that can't be read, not seen so before
  place_in_rings next;
};
/// `entries`: all of the folder, what is no ring too. `folder` is their common beginning.
ring_news news_in(const std::vector<entry>& entries, std::string_view folder, std::uint64_t index,
                  const place_in_rings& behind);

/// What is in a ring's folder beside rings begins with this: no name of an API process does.
inline constexpr char no_ring = '~';

}  // namespace peerage::consul
