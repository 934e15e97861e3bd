/// Marks the exports of libringrpc.so. The library is compiled with hidden visibility, so its ABI consists of
/// the classes and functions with this macro (docs/versioning.md). It has no effect on a program that links
/// the static library.
#pragma once

#include "ringrpc/compiler.h"

/// Before the name of a class or function: it is a part of the ABI.
#define RINGRPC_EXPORT [[gnu::visibility("default")]]

namespace ringrpc::detail {
struct Internals;  // the library's way to private members
}
