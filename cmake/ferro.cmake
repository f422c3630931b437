# ferro_module(<area> <name> SOURCES ... [DEPS ...] [EXTERNAL ...])
#
# One folder, one static library ferro::<area>_<name>. The name of a folder two levels down is written with a slash:
# ferro_module(node cluster/wire ...) in node/cluster/wire is ferro::node_cluster_wire. DEPS are other ferro modules written
# area/name, EXTERNAL are packages of cmake/packages.cmake. tools/tidy.py reads these same calls
# and fails the tests when a file includes what its module does not list.
function(ferro_module area name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  string(REPLACE / _ flat_name ${name})
  set(target ferro_${area}_${flat_name})
  if(M_SOURCES)
    add_library(${target} STATIC ${M_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(ferro::${area}_${flat_name} ALIAS ${target})
  target_link_libraries(${target} ${scope} ferro_flags)
  _ferro_link(${target} ${scope} "${M_DEPS}" "${M_EXTERNAL}")
endfunction()

function(_ferro_link target scope deps external)
  foreach(dep IN LISTS deps)
    string(REPLACE "/" "_" dep_target ${dep})
    target_link_libraries(${target} ${scope} ferro::${dep_target})
  endforeach()
  foreach(package IN LISTS external)
    target_link_libraries(${target} ${scope} ferro::ext_${package})
  endforeach()
endfunction()

# ferro_test(<name> SOURCES ... DEPS ... [EXTERNAL ...] [LABELS ...]): one GoogleTest program, one ctest entry.
function(ferro_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;DEPS;EXTERNAL;LABELS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ferro_flags GTest::gmock GTest::gtest_main)
  _ferro_link(${name} PRIVATE "${T_DEPS}" "${T_EXTERNAL}")
  if(FERRO_SANITIZE STREQUAL "thread")
    # ThreadSanitizer of this compiler cannot map its shadow under full address randomisation.
    add_test(NAME ${name} COMMAND setarch -R $<TARGET_FILE:${name}> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  else()
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif()
  if(NOT T_LABELS)
    set(T_LABELS unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 600)
  endif()
  if(FERRO_SANITIZE)
    # It ends what hangs, and must not end what is slow: a sanitizer on a shared machine costs ten times the time.
    math(EXPR T_TIMEOUT "3 * ${T_TIMEOUT}")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp:halt_on_error=1:second_deadlock_stack=1")
endfunction()

# ferro_fuzzer(<name> SOURCES ... DEPS ... [EXTERNAL ...] CORPUS <dir>)
# With FERRO_FUZZ a libFuzzer program fuzz_<name>; otherwise the same entry point replays the seed
# corpus as a normal test, so a parser that dies on a known input fails `make test`.
function(ferro_fuzzer name)
  cmake_parse_arguments(F "" "CORPUS" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_executable(fuzz_${name} ${F_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE ferro_flags)
  _ferro_link(fuzz_${name} PRIVATE "${F_DEPS}" "${F_EXTERNAL}")
  if(FERRO_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME fuzz_corpus_${name} COMMAND fuzz_${name} ${F_CORPUS})
    set_tests_properties(fuzz_corpus_${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endfunction()
