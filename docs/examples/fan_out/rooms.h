/// Rooms for chats, which come and go with their members.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "board.h"

namespace fan_out {

// [rooms]
/// Rooms by name, each with a board. A room exists as long as it has members. All methods may be called from
/// any thread.
class Rooms {
  struct Room {
    Board board;
    int members = 0;
  };
  using ByName = std::map<std::string, Room>;

 public:
  /// One client's place in a room. The first one creates the room, and the last one destroys it.
  class Place {
   public:
    Place(Rooms& rooms, const std::string& name) : rooms_(rooms), room_(rooms.enter(name)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { rooms_.leave(room_); }

    Board& board() const { return room_->second.board; }

   private:
    Rooms& rooms_;
    ByName::iterator room_;  // remains valid while other rooms come and go
  };

  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return rooms_.size();
  }

 private:
  ByName::iterator enter(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto room = rooms_.try_emplace(name).first;
    ++room->second.members;
    return room;
  }

  void leave(ByName::iterator room) {
    const std::lock_guard lock(mutex_);
    if (--room->second.members == 0) rooms_.erase(room);
  }

  mutable std::mutex mutex_;
  ByName rooms_;
};
// [/rooms]

}  // namespace fan_out
