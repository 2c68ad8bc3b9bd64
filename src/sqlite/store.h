// The store of one host: one SQLite file, written by one thread and read by the loop itself.
// A read is a lookup by key or a page in the order of an index, microseconds from memory; it sees
// every commit that has returned.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ports/store.h"

namespace peerage {

struct sqlite_options {
  // The size of `<file>-reserve`, which is deleted when the disk is full, so that removals and
  // changes can still be stored; creations are then errc::full with field "disk" until it can be
  // made again. 0: there is none.
  std::uint64_t reserve_bytes = 0;
  // From any thread: whether the disk is full, when that changes, and how many bytes are kept for
  // removals then.
  std::function<void(bool full, std::uint64_t kept)> on_disk_full = {};
  // Once for each record that can't be read, when it is come upon: which ("peer acme/laptop"), and
  // what is wrong with it. It is passed over; the others are served.
  std::function<void(const std::string& which, const std::string& why)> on_corrupt = {};
  // What `keep_last_write` was given before this start. A file that lacks it is an older copy that
  // somebody put in the database's place: it gets another epoch, and `on_older_copy` is called.
  // Anything else counts as nothing.
  std::string last_write = {};
  std::function<void()> on_older_copy = {};
  // Called when it has changed, at most at each identity() and at the store's end. May be empty.
  std::function<void(const std::string& last_write)> keep_last_write = {};
};

/// Opens the file, or makes it. The folder must exist. errc::io, errc::corrupt; errc::unsupported
/// for a file from a newer version.
result<std::unique_ptr<store>> open_sqlite_store(asio::any_io_executor loop, std::string file,
                                                 sqlite_options options = {});

}  // namespace peerage
