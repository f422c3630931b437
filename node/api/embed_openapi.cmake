# Makes a source file of openapi.json: cmake -DIN=... -DOUT=... -P embed_openapi.cmake
# A raw string literal, cut into pieces well below what compilers accept as one literal.
file(READ ${IN} document)
string(LENGTH "${document}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${document}" ${at} 8000 piece)
  string(APPEND pieces "R\"json(${piece})json\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUT} "// Made from openapi.json by embed_openapi.cmake.
#include \"node/api/openapi.h\"

namespace ferro::node::api {

std::string_view openapi_document() noexcept {
  return\n${pieces};
}

}  // namespace ferro::node::api
")
