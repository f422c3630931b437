// YAML files as JSON: the CRDs, samples and rendered objects that tests feed to the fake server.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kube_api/message.h"

namespace ferro::fakes::kube {

// The first document of a file, its path from the root of the tree. Aborts the test if it cannot be read.
Json yaml_file(const std::string& path);
std::vector<Json> yaml_documents(const std::string& text);

}  // namespace ferro::fakes::kube
