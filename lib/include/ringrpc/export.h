/// Marks what libringrpc.so exports. The library is compiled with hidden visibility, so its ABI consists of the classes
/// and functions that bear this macro (docs/versioning.md). It has no effect on a program that links the static library.
#pragma once

#define RINGRPC_EXPORT [[gnu::visibility("default")]]
