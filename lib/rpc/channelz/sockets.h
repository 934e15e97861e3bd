/// The connections of a shard's part of a server or of a channel, by their ids.
///
///   class Connection : Socket { Sockets::Entry entry_; };      // Entry(sockets, *this) gives the connection its id
///   const Socket* found = sockets.find(id);
///
/// Ids ascend, so a sorted array has them: 16 bytes a connection, and a page of any of them takes a binary
/// search. Belongs to the shard's thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "rpc/channelz/snapshots.h"

namespace ringrpc::channelz {

/// A connection as channelz reads it. Channelz does not know the class Connection.
class Socket {
 public:
  /// The peer's address, "127.0.0.1:40712".
  virtual const std::string& peer() const noexcept = 0;
  virtual int descriptor() const noexcept = 0;
  /// Without the socket's options. Makes some system calls.
  virtual SocketSnapshot snapshot() const = 0;

 protected:
  ~Socket() = default;
};

/// From any thread.
inline Id next_id() noexcept {
  static std::atomic<Id> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

class Sockets {
 public:
  /// A connection's place among them.
  class Entry {
   public:
    Entry(Sockets& sockets, const Socket& socket) : sockets_(sockets), id_(next_id()) {
      sockets_.add({id_, &socket});
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { sockets_.remove(id_); }

    Id id() const noexcept { return id_; }

   private:
    Sockets& sockets_;
    const Id id_;
  };

  /// Null if there is none.
  const Socket* find(Id id) const noexcept {
    const auto place = std::ranges::lower_bound(places_, id, {}, &Place::id);
    return place != places_.end() && place->id == id ? place->socket : nullptr;
  }

  /// Calls `visit` for at most `most` connections with ids from `first` on, in their order.
  template <class Visit>
  void visit_from(Id first, std::size_t most, Visit visit) const {
    auto place = std::ranges::lower_bound(places_, first, {}, &Place::id);
    for (; place != places_.end() && most > 0; ++place) {
      if (!place->socket) continue;
      visit(place->id, *place->socket);
      --most;
    }
  }

 private:
  /// `socket` is null once it has closed.
  struct Place {
    Id id;
    const Socket* socket;
  };

  void add(Place place) {
    // By an eighth instead of by half or more: connections are many, and this is memory of each.
    if (places_.size() == places_.capacity()) places_.reserve(places_.size() + places_.size() / 8 + 8);
    places_.push_back(place);
  }

  void remove(Id id) noexcept {
    std::ranges::lower_bound(places_, id, {}, &Place::id)->socket = nullptr;
    if (++closed_ <= places_.size() / 2) return;
    std::erase_if(places_, [](const Place& place) { return !place.socket; });
    closed_ = 0;
    if (places_.capacity() > 4 * places_.size()) places_.shrink_to_fit();
  }

  std::vector<Place> places_;
  std::size_t closed_ = 0;  // of the places
};

}  // namespace ringrpc::channelz
