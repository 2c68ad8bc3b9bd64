// Clients that make and remove peers as fast as they are answered, and remember what they were
// told; and what must hold of store and device afterwards. For tests alone.
#pragma once

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/live/daemon.h"

namespace peerage::live {

/// What the last answer about a peer leaves known of it.
enum class known { there, gone, unsure };

struct memory {
  known what = known::unsure;
  std::string public_key;
};

/// By the peer's name.
using memories = std::map<std::string, memory>;

class load {
 public:
  /// In the network "acme", which is there.
  load(const daemon_under_test& on, unsigned clients, unsigned seed);
  ~load() { stop(); }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  void start();
  /// Each client ends after its answer, or when it gets none.
  void stop();
  /// Waits until every client has ended by itself, which it does when it gets no answer.
  void join();

  /// While it does not run: all that the clients know.
  memories told() const;
  /// What was unsure is from now on what the store says.
  void learn(const std::map<std::string, json::object>& store);

  /// Peers made and removed.
  unsigned done() const { return done_; }
  /// Requests that were sent and never answered.
  unsigned lost() const { return lost_; }

 private:
  struct client {
    std::string prefix;
    std::mt19937 chance;
    unsigned made = 0;
    memories peers;
    std::thread thread;
  };

  void work(client& one);
  bool create(client& one, caller& api);
  bool remove(caller& api, memories::iterator which);
  bool heard(const result<answer>& said);

  std::string url_;
  std::string token_;
  std::atomic<bool> stopping_ = false;
  std::atomic<unsigned> done_ = 0;
  std::atomic<unsigned> lost_ = 0;
  std::vector<client> clients_;
};

/// The device has exactly the peers of the store, with exactly their addresses.
void expect_device_is_store(const std::string& interface,
                            const std::map<std::string, json::object>& store);

/// The store has what the clients know to be there, and nothing that they know to be gone.
void expect_promises_kept(const memories& told, const std::map<std::string, json::object>& store);

}  // namespace peerage::live
