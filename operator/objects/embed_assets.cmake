# Makes a source file of the files in assets/: cmake -DFOLDER=... -DOUT=... -P embed_assets.cmake
# Raw string literals, cut into pieces well below what compilers accept as one literal.
set(functions "")
foreach(asset alerts dashboard)
  file(READ ${FOLDER}/${asset}.json document)
  # Semicolons and brackets are list syntax to CMake: they never leave the quotes here.
  string(LENGTH "${document}" length)
  set(pieces "")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${document}" ${at} 8000 piece)
    string(APPEND pieces "R\"json(${piece})json\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  string(APPEND functions "\nstd::string_view ${asset}_asset() noexcept {\n  return\n${pieces};\n}\n")
endforeach()
file(WRITE ${OUT} "// Made from assets/ by embed_assets.cmake.
#include \"operator/objects/assets.h\"

namespace ferro::oper::objects {
${functions}
}  // namespace ferro::oper::objects
")
