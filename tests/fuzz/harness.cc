// What all fuzz targets share: doctest's checks outside of test cases, and a main function
// where libFuzzer has none.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "ringrpc/log.h"

#include "fuzz/target.h"

namespace {

void abort_on_failure(const doctest::AssertData& data) {
  if (!data.m_failed) return;
  std::fprintf(stderr, "%s:%d: CHECK(%s) failed: %s\n", data.m_file, data.m_line, data.m_expr,
               data.m_threw ? data.m_exception.c_str() : data.m_decomp.c_str());
  std::abort();
}

}  // namespace

namespace ringrpc::fuzz {

void plant(bool reached) {
  static const bool planted = std::getenv("RINGRPC_FUZZ_PLANTED") != nullptr;
  if (!planted || !reached) return;
  std::fputs("the planted fault was found\n", stderr);
  std::abort();
}

}  // namespace ringrpc::fuzz

// The names and types of these two functions are libFuzzer's.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  static doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  context.setAssertHandler(abort_on_failure);
  ringrpc::log::set_level(ringrpc::log::Level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringrpc::fuzz::run(ringrpc::fuzz::Input({data, size}));
  return 0;
}

#ifndef RINGRPC_LIBFUZZER
namespace {

void run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::printf("%s: %zu bytes\n", path.filename().c_str(), bytes.size());
  std::fflush(stdout);  // the last line names the input of an abort
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

/// Runs the files, and those in the folders, that the arguments name.
int main(int argc, char** argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  int runs = 0;
  for (int at = 1; at < argc; ++at) {
    if (std::filesystem::is_directory(argv[at])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[at])) {
        run_file(entry.path());
        ++runs;
      }
    } else {
      run_file(argv[at]);
      ++runs;
    }
  }
  if (runs == 0) {
    std::fprintf(stderr, "%s: name files, or folders with files, to run\n", argv[0]);
    return 2;
  }
}
#endif
