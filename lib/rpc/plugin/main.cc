#include <iostream>
#include <iterator>
#include <string>

#include "response.h"

int main() {
  const std::string request((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  const std::expected<std::string, std::string> response = ringrpc::plugin::respond(request);
  if (!response) {
    std::cerr << "protoc-gen-ringrpc: " << response.error() << "\n";
    return 1;
  }
  std::cout << *response << std::flush;
  return std::cout ? 0 : 1;
}
