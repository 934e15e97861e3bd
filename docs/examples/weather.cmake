# The library `weather` of most examples: the code that is generated from the .proto file of the first one.
find_package(ringrpc REQUIRED)
if(NOT TARGET weather)
  add_library(weather STATIC)
  ringrpc_generate(weather weather/v1/weather.proto IMPORT_DIRS ${CMAKE_CURRENT_LIST_DIR}/station/proto)
endif()
