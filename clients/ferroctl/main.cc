#include "clients/ferroctl/main_command.h"

int main(int argc, char** argv) {
  return ferro::ferroctl::run(argc, argv);
}
