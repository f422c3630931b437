// The data folder: made if need be, held by one process, stamped with who it belongs to.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/io/file_system.h"

namespace ferro::node::engine {

inline constexpr std::string_view kLockName = "LOCK";
inline constexpr std::string_view kIdentityName = "IDENTITY";

struct DataFolder {
  std::unique_ptr<io::FileLock> lock;  // the folder is ours as long as this lives
  std::string node_id;
};

// failed_precondition when another process holds the folder, when it belongs to another cluster or was
// written by a later program, or when `path` is a plain file. The node's id is the wanted one; if that is
// empty the stored one; if there is none a new one. What was decided is stored. An identity that does not
// verify is data_loss, with `salvage` as good as none.
Result<DataFolder> open_data_folder(io::FileSystem& fs, const std::string& path,
                                    const std::string& wanted_node_id, const std::string& cluster_id,
                                    bool salvage);

}  // namespace ferro::node::engine
