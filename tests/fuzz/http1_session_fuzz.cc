// The HTTP/1.1 session of the admin listener: any bytes, a record a request or a part of one,
// have the same effect however they are cut, and a
// connection that has failed gets one response that says so.
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "http1/server.h"

namespace ringrpc::fuzz {

void run(Input input) {
  using namespace http1;
  using namespace http1::test;
  Input setup = input.record();
  const Limits limits{.header_bytes_max = 200u + 8 * setup.byte(),
                      .fields_max = 5,
                      .target_bytes_max = 40,
                      .body_bytes_max = 100,
                      .chunk_extension_bytes_max = 8,
                      .requests_max = 20};
  const std::size_t first = setup.byte();
  const std::size_t step = 1 + setup.byte();
  std::string bytes;
  while (!input.empty()) bytes += input.record().rest();
  std::vector<std::size_t> cuts;
  for (std::size_t cut = first; cut < bytes.size(); cut += step)
    if (cut > 0) cuts.push_back(cut);
  const Outcome whole = outcome_of(bytes, limits, {});
  CHECK(outcome_of(bytes, limits, cuts) == whole);
  int bodies = 0;
  for (const std::string& event : whole.events) bodies += event.starts_with("body");
  plant(bodies > 2);
}

}  // namespace ringrpc::fuzz
