# Compiler settings shared by every target. Product code never sets flags of its own
# except per-file instruction sets (SIMD kernels).
option(FERRO_TESTS "Build the tests" ON)
option(FERRO_BENCH "Build the load generator and micro-benchmarks" OFF)
option(FERRO_FUZZ "Build libFuzzer targets (needs clang)" OFF)
option(FERRO_DEBUG_ASSERTS "Check the costly invariants too" OFF)
set(FERRO_SANITIZE "" CACHE STRING "address (with UBSan) or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

find_program(FERRO_CCACHE ccache)
if(FERRO_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${FERRO_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FERRO_CCACHE})
endif()
find_program(FERRO_MOLD mold)
if(FERRO_MOLD AND NOT FERRO_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()

# Warnings are errors, for our code only: third-party headers come in as SYSTEM.
add_library(ferro_flags INTERFACE)
target_include_directories(ferro_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(ferro_flags INTERFACE
  -Wall -Wextra -Werror -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-unused-command-line-argument>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside inlined standard library code.
  target_compile_options(ferro_flags INTERFACE -Wno-null-dereference -Wno-restrict
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized)
endif()
if(FERRO_DEBUG_ASSERTS)
  target_compile_definitions(ferro_flags INTERFACE FERRO_DEBUG_ASSERTS=1)
endif()

if(FERRO_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(FERRO_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(FERRO_SANITIZE)
  message(FATAL_ERROR "FERRO_SANITIZE must be address or thread, not ${FERRO_SANITIZE}")
elseif(NOT FERRO_FUZZ)
  add_compile_options(-fstack-protector-strong -D_GLIBCXX_ASSERTIONS)
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(FERRO_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
