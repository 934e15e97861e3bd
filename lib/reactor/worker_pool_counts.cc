#include "reactor/worker_pool_counts.h"

#include <map>
#include <mutex>

namespace ringrpc {
namespace {

struct NamedCounts {
  std::mutex mutex;
  std::map<std::string, WorkerPoolCounts> by_name;
};

/// Never destroyed: pools that end with the process still count.
NamedCounts& named_counts() {
  static NamedCounts& all = *new NamedCounts;
  return all;
}

}  // namespace

WorkerPoolCounts& WorkerPoolCounts::of(const std::string& name) {
  NamedCounts& all = named_counts();
  const std::lock_guard lock(all.mutex);
  const bool room = all.by_name.size() < names_max || all.by_name.contains(name);
  return all.by_name[room ? name : "other"];
}

void WorkerPoolCounts::for_each(
    const std::function<void(const std::string&, const WorkerPoolCounts&)>& visit) {
  NamedCounts& all = named_counts();
  const std::lock_guard lock(all.mutex);
  for (const auto& [name, counts] : all.by_name) visit(name, counts);
}

}  // namespace ringrpc
