/// Marks the exports of libringrpc.so. The library is compiled with hidden visibility, so its ABI consists of
/// the classes and functions with this macro (docs/versioning.md). It has no effect on a program that links
/// the static library.
#pragma once

#define RINGRPC_EXPORT [[gnu::visibility("default")]]
