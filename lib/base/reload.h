/// A reload in two steps, so that several files are replaced together or not at all.
///
///   Result<Reload> certificates = read_again(*tls);
///   Result<Reload> keys = read_again(*jwt_keys);
///   if (certificates && keys) (*certificates)(), (*keys)();
#pragma once

#include <functional>

namespace ringrpc {

/// Files that have been read again and checked. The call puts them to use and cannot fail; without it nothing
/// changes. Their owner must live until then.
using Reload = std::move_only_function<void()>;

}  // namespace ringrpc
