#include "services/call_wait.h"

namespace ringrpc {

std::string_view waits_for(CallState state) noexcept {
  switch (state) {
    case CallState::receiving:
      return "the rest of the request";
    case CallState::parsing:
      return "its request to be parsed";
    case CallState::reading:
      return "a message from the client";
    case CallState::writing:
      return "the client to read responses, or a response to be compressed";
    case CallState::handling:
      return "the handler";
    case CallState::responding:
      break;
  }
  return "the client to read the response";
}

}  // namespace ringrpc
