/// A fuzz target: a program that runs any input through one part of the library, and aborts
/// where that breaks a promise.
///
///   void fuzz::run(Input input) {
///     const auto parsed = parse(input.rest());
///     if (parsed) CHECK(parse(parsed->to_string()) == parsed);
///   }
///
/// Checks are doctest's, and a failed one aborts (harness.cc). Under libFuzzer (-Dfuzz=true) the program
/// looks for inputs that abort. Otherwise it runs the files that its arguments name, once each.
#pragma once

#include <doctest/doctest.h>

#include "fuzz/input.h"

namespace ringrpc::fuzz {

/// Each target defines it.
void run(Input input);

/// A fault that is there only to be found: aborts if `reached` and RINGRPC_FUZZ_PLANTED is set. A target
/// plants it behind several choices, to show that libFuzzer gets there.
void plant(bool reached);

}  // namespace ringrpc::fuzz
