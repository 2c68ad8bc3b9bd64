// Who expires next: a heap of pointers, each of which knows its place in it, so that one that is
// renewed or goes is moved or taken out at once. Twelve bytes for each. Pure; the ledger's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace peerage {

/// `Item` has `expires_at`, which is compared, and `std::uint32_t place`, which is the heap's: 0
/// for one that is not in it. What is in the heap stays where it is in memory.
template <class Item>
class expiry_heap {
 public:
  Item* next() const { return heap_.empty() ? nullptr : heap_.front(); }
  std::size_t size() const { return heap_.size(); }

  /// Puts it in, or moves it to where its time belongs now.
  void put(Item& item) {
    if (item.place == 0) {
      heap_.push_back(&item);
      item.place = static_cast<std::uint32_t>(heap_.size());
    }
    down(up(item.place - 1));
  }
  void erase(Item& item) {
    if (item.place == 0) return;
    const std::size_t hole = std::exchange(item.place, 0) - 1;
    Item* last = heap_.back();
    heap_.pop_back();
    if (last == &item) return;
    set(hole, last);
    down(up(hole));
  }

 private:
  void set(std::size_t at, Item* item) {
    heap_[at] = item;
    item->place = static_cast<std::uint32_t>(at + 1);
  }
  std::size_t up(std::size_t at) {
    Item* mine = heap_[at];
    for (; at > 0 && mine->expires_at < heap_[(at - 1) / 2]->expires_at; at = (at - 1) / 2) {
      set(at, heap_[(at - 1) / 2]);
    }
    set(at, mine);
    return at;
  }
  void down(std::size_t at) {
    Item* mine = heap_[at];
    for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
      if (child + 1 < heap_.size() && heap_[child + 1]->expires_at < heap_[child]->expires_at) {
        ++child;
      }
      if (!(heap_[child]->expires_at < mine->expires_at)) break;
      set(at, heap_[child]);
      at = child;
    }
    set(at, mine);
  }

  std::vector<Item*> heap_;
};

}  // namespace peerage
