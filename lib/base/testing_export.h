/// Marks the internal functions that libringrpc-testing.so calls in libringrpc.so. They are exported for it
/// alone: both libraries come from one build, and no version guarantees them to other programs.
#pragma once

#define RINGRPC_TESTING_EXPORT [[gnu::visibility("default")]]
