# Every third-party package, found once and given one target name: ferro::ext_<name>.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(simdjson REQUIRED)
find_package(ZLIB REQUIRED)
find_package(tomlplusplus REQUIRED)
if(FERRO_TESTS)
  find_package(GTest REQUIRED)
endif()

function(ferro_external name)
  add_library(ferro_ext_${name} INTERFACE)
  add_library(ferro::ext_${name} ALIAS ferro_ext_${name})
  target_link_libraries(ferro_ext_${name} INTERFACE ${ARGN})
endfunction()

# Packages without a CMake file of their own: a header and, mostly, a library.
function(ferro_external_plain name header library)
  find_path(FERRO_${name}_INCLUDE ${header} REQUIRED)
  add_library(ferro_ext_${name} INTERFACE)
  add_library(ferro::ext_${name} ALIAS ferro_ext_${name})
  target_include_directories(ferro_ext_${name} SYSTEM INTERFACE ${FERRO_${name}_INCLUDE})
  if(library)
    find_library(FERRO_${name}_LIBRARY ${library} REQUIRED)
    target_link_libraries(ferro_ext_${name} INTERFACE ${FERRO_${name}_LIBRARY})
  endif()
endfunction()

ferro_external(threads Threads::Threads)
ferro_external(boost Boost::headers Threads::Threads)
if(FERRO_SANITIZE STREQUAL "thread")
  # Asio's fences around handlers: ThreadSanitizer cannot see them, and g++ warns. The locks of asio's queues already
  # order whatever crosses threads.
  target_compile_definitions(ferro_ext_boost INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
ferro_external(json nlohmann_json::nlohmann_json)
ferro_external(yaml yaml-cpp)
ferro_external(prometheus prometheus-cpp::core)
ferro_external(spdlog spdlog::spdlog)
ferro_external(openssl OpenSSL::SSL OpenSSL::Crypto)
ferro_external(simdjson simdjson::simdjson)
ferro_external(zlib ZLIB::ZLIB)
ferro_external(toml tomlplusplus::tomlplusplus)
ferro_external_plain(hnswlib hnswlib/hnswlib.h "")
ferro_external_plain(isal isa-l/crc.h isal)         # CRC32C
ferro_external_plain(utf8proc utf8proc.h utf8proc)  # Unicode case folding
ferro_external_plain(xxhash xxhash.h xxhash)        # XXH3
