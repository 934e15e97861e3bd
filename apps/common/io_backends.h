/// The words for a backend that all programs take.
///
///   line.add(apps::choice<IoBackend>({.name = "io", ...}, values.io, apps::io_backends()));
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ringrpc/io_backend.h"

namespace ringrpc::apps {

inline std::vector<std::pair<std::string, IoBackend>> io_backends() {
  return {{"auto", IoBackend::automatic}, {"uring", IoBackend::uring}, {"epoll", IoBackend::epoll}};
}

}  // namespace ringrpc::apps
