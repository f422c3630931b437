#include "tests/fakes/faulty_file_system.h"

#include <algorithm>
#include <utility>

#include "tests/fakes/faulty_state.h"

namespace ferro::tests::fakes {

using Lock = std::lock_guard<std::mutex>;

struct FaultyFileSystem::State : Disk {};

namespace {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Status no_such(const std::string& path) {
  return Status::not_found(path + ": No such file or directory");
}
Status interrupted_by_crash() {
  return Status::io_error("interrupted by a crash");
}

}  // namespace

class FaultyFileSystem::FaultyFile final : public io::File {
 public:
  FaultyFile(std::shared_ptr<State> state, InodePtr inode, std::string path, bool writable)
      : state_(std::move(state)), inode_(std::move(inode)), path_(std::move(path)), writable_(writable) {}

  Status write_at(uint64_t offset, Bytes data) override {
    const Lock lock(state_->mutex);
    bool interrupted = false;
    FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
    if (!writable_) return Status::io_error(path_ + ": Bad file descriptor");
    if (interrupted) {
      if (state_->coin()) write_part(offset, data.first(state_->below(data.size() + 1)));
      return interrupted_by_crash();
    }
    if (state_->write_fault.strikes()) {
      write_part(offset, data.first(state_->below(data.size() + 1)));
      return {state_->write_fault.code, "write " + path_ + ": a fault was injected"};
    }
    const uint64_t size = inode_->seen.size();
    const uint64_t used = state_->used();
    const uint64_t room = state_->capacity > used ? state_->capacity - used : 0;
    if (offset + data.size() > size && offset + data.size() - size > room) {
      const uint64_t end = size + room;
      write_part(offset, data.first(end > offset ? static_cast<size_t>(end - offset) : 0));
      return {StatusCode::no_space, "write " + path_ + ": No space left on device"};
    }
    write_part(offset, data);
    return {};
  }

  Status read_at(uint64_t offset, size_t size, std::string& out) const override {
    const Lock lock(state_->mutex);
    if (state_->dead) return Status::io_error("the machine has crashed");
    out.clear();
    if (offset < inode_->seen.size()) out = inode_->seen.substr(offset, size);
    return {};
  }

  Result<uint64_t> size() const override {
    const Lock lock(state_->mutex);
    if (state_->dead) return Status::io_error("the machine has crashed");
    return uint64_t{inode_->seen.size()};
  }

  Status truncate(uint64_t size) override {
    const Lock lock(state_->mutex);
    bool interrupted = false;
    FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
    if (!interrupted || state_->coin()) record({size, {}, true});
    return interrupted ? interrupted_by_crash() : Status();
  }

  Status sync_data() override {
    const Lock lock(state_->mutex);
    bool interrupted = false;
    FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
    if (interrupted) return interrupted_by_crash();
    if (state_->sync_fault.strikes()) {
      state_->settle(*inode_, Disk::Survival::some);
      return {state_->sync_fault.code, "sync " + path_ + ": a fault was injected"};
    }
    state_->settle(*inode_, Disk::Survival::all);
    return {};
  }

 private:
  void write_part(uint64_t offset, Bytes data) {
    if (!data.empty()) record({offset, std::string(as_text(data)), false});
  }
  void record(PendingWrite write) {
    Disk::apply(write, inode_->seen);
    inode_->pending.push_back(std::move(write));
  }

  std::shared_ptr<State> state_;
  InodePtr inode_;
  std::string path_;
  bool writable_;
};

class FaultyFileSystem::FaultyLock final : public io::FileLock {
 public:
  FaultyLock(std::shared_ptr<State> state, std::string path)
      : state_(std::move(state)), path_(std::move(path)) {}
  ~FaultyLock() override {
    const Lock lock(state_->mutex);
    state_->locked.erase(path_);
  }

 private:
  std::shared_ptr<State> state_;
  std::string path_;
};

FaultyFileSystem::FaultyFileSystem(uint64_t seed) : state_(std::make_shared<State>()) {
  state_->random.seed(seed);
}
FaultyFileSystem::FaultyFileSystem(std::shared_ptr<State> state) : state_(std::move(state)) {}
FaultyFileSystem::~FaultyFileSystem() = default;

uint64_t FaultyFileSystem::operations() const {
  const Lock lock(state_->mutex);
  return state_->operations;
}

void FaultyFileSystem::crash_at(uint64_t number) {
  const Lock lock(state_->mutex);
  state_->crash_at = number;
}

void FaultyFileSystem::crash() {
  const Lock lock(state_->mutex);
  state_->dead = true;
}

bool FaultyFileSystem::crashed() const {
  const Lock lock(state_->mutex);
  return state_->dead;
}

void FaultyFileSystem::set_capacity(uint64_t bytes) {
  const Lock lock(state_->mutex);
  state_->capacity = bytes;
}

void FaultyFileSystem::fail_write(uint64_t nth, StatusCode code) {
  const Lock lock(state_->mutex);
  state_->write_fault = {nth, code};
}

void FaultyFileSystem::fail_sync(uint64_t nth, StatusCode code) {
  const Lock lock(state_->mutex);
  state_->sync_fault = {nth, code};
}

void FaultyFileSystem::set_out_of_descriptors(bool out) {
  const Lock lock(state_->mutex);
  state_->out_of_descriptors = out;
}

std::unique_ptr<FaultyFileSystem> FaultyFileSystem::after_kill(uint64_t seed) {
  const Lock lock(state_->mutex);
  auto next = std::make_shared<State>();
  next->random.seed(seed);
  next->capacity = state_->capacity;
  next->folders = state_->folders;
  next->seen = std::move(state_->seen);
  next->durable = std::move(state_->durable);
  next->pending = std::move(state_->pending);
  state_->dead = true;
  return std::unique_ptr<FaultyFileSystem>(new FaultyFileSystem(std::move(next)));
}

std::unique_ptr<FaultyFileSystem> FaultyFileSystem::after_power_cut(uint64_t seed) {
  std::unique_ptr<FaultyFileSystem> next = after_kill(seed);
  State& state = *next->state_;
  const auto draw = [&state] { return static_cast<Disk::Survival>(state.below(4)); };
  const Disk::Survival names = draw();
  const size_t cut = state.below(state.pending.size() + 1);
  std::set<std::string> lost;
  for (size_t i = 0; i < state.pending.size(); ++i) {
    const NameChange& change = state.pending[i];
    const bool builds_on_lost = lost.count(change.removed) != 0 || lost.count(change.added) != 0;
    const bool survives = names == Disk::Survival::all || (names == Disk::Survival::first && i < cut) ||
                          (names == Disk::Survival::some && state.coin());
    if (survives && !builds_on_lost) {
      Disk::apply(change, state.durable);
    } else {
      if (!change.removed.empty()) lost.insert(change.removed);
      if (!change.added.empty()) lost.insert(change.added);
    }
  }
  state.pending.clear();
  state.seen = state.durable;
  for (const auto& [path, inode] : state.seen) {
    state.settle(*inode, draw());
    inode->seen = inode->durable;
  }
  return next;
}

std::string FaultyFileSystem::content(const std::string& path) const {
  const Lock lock(state_->mutex);
  const auto it = state_->seen.find(path);
  return it == state_->seen.end() ? std::string() : it->second->seen;
}

void FaultyFileSystem::set_content(const std::string& path, const std::string& content) {
  const Lock lock(state_->mutex);
  auto inode = std::make_shared<Inode>(Inode{content, content, {}});
  state_->folders.insert(folder_of(path));
  state_->seen[path] = inode;
  state_->durable[path] = inode;
}

void FaultyFileSystem::erase(const std::string& path) {
  const Lock lock(state_->mutex);
  state_->seen.erase(path);
  state_->durable.erase(path);
}

Result<std::unique_ptr<io::File>> FaultyFileSystem::open(const std::string& path, io::OpenMode mode) {
  const Lock lock(state_->mutex);
  const auto make = [&](const InodePtr& inode) {
    const bool writable = mode != io::OpenMode::read;
    return std::unique_ptr<io::File>(std::make_unique<FaultyFile>(state_, inode, path, writable));
  };
  if (state_->dead) return Status::io_error("the machine has crashed");
  if (state_->out_of_descriptors) return Status::unavailable("open " + path + ": Too many open files");
  const auto it = state_->seen.find(path);
  const bool creates = mode == io::OpenMode::create || mode == io::OpenMode::create_empty;
  if (!creates || (mode == io::OpenMode::create && it != state_->seen.end())) {
    if (it == state_->seen.end()) return no_such(path);
    return make(it->second);
  }
  bool interrupted = false;
  FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
  if (interrupted && state_->coin()) return interrupted_by_crash();
  if (state_->folders.count(folder_of(path)) == 0) return no_such(folder_of(path));
  if (it == state_->seen.end()) {
    state_->change({folder_of(path), "", path, std::make_shared<Inode>()});
  } else {
    it->second->seen.clear();
    it->second->pending.push_back({0, {}, true});
  }
  if (interrupted) return interrupted_by_crash();
  return make(state_->seen.at(path));
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const Lock lock(state_->mutex);
  bool interrupted = false;
  FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
  const auto it = state_->seen.find(from);
  if (it == state_->seen.end()) return no_such(from);
  if (!interrupted || state_->coin()) state_->change({folder_of(to), from, to, it->second});
  return interrupted ? interrupted_by_crash() : Status();
}

Status FaultyFileSystem::remove(const std::string& path) {
  const Lock lock(state_->mutex);
  bool interrupted = false;
  FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
  if (state_->seen.count(path) == 0) return no_such(path);
  if (!interrupted || state_->coin()) state_->change({folder_of(path), path, "", nullptr});
  return interrupted ? interrupted_by_crash() : Status();
}

Status FaultyFileSystem::create_directories(const std::string& path) {
  const Lock lock(state_->mutex);
  bool interrupted = false;
  FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
  if (interrupted && state_->coin()) return interrupted_by_crash();
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    state_->folders.insert(path.substr(0, end));
  }
  state_->folders.insert(path);
  return interrupted ? interrupted_by_crash() : Status();
}

Status FaultyFileSystem::sync_directory(const std::string& path) {
  const Lock lock(state_->mutex);
  bool interrupted = false;
  FERRO_RETURN_IF_ERROR(state_->begin(interrupted));
  if (interrupted) return interrupted_by_crash();
  if (state_->folders.count(path) == 0) return no_such(path);
  if (state_->sync_fault.strikes())
    return {state_->sync_fault.code, "sync " + path + ": a fault was injected"};
  std::vector<NameChange> others;
  for (NameChange& change : state_->pending) {
    if (change.folder == path) {
      Disk::apply(change, state_->durable);
    } else {
      others.push_back(std::move(change));
    }
  }
  state_->pending = std::move(others);
  return {};
}

Result<bool> FaultyFileSystem::exists(const std::string& path) {
  const Lock lock(state_->mutex);
  if (state_->dead) return Status::io_error("the machine has crashed");
  return state_->seen.count(path) != 0 || state_->folders.count(path) != 0;
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& folder) {
  const Lock lock(state_->mutex);
  if (state_->dead) return Status::io_error("the machine has crashed");
  if (state_->folders.count(folder) == 0) return no_such(folder);
  std::vector<std::string> names;
  for (const auto& [path, inode] : state_->seen) {
    if (folder_of(path) == folder) names.push_back(path.substr(path.rfind('/') + 1));
  }
  return names;
}

Result<std::unique_ptr<io::FileLock>> FaultyFileSystem::lock(const std::string& path) {
  const Lock guard(state_->mutex);
  if (state_->dead) return Status::io_error("the machine has crashed");
  if (!state_->locked.insert(path).second) {
    return Status(StatusCode::failed_precondition, path + " is locked by another process");
  }
  return std::unique_ptr<io::FileLock>(std::make_unique<FaultyLock>(state_, path));
}

Result<uint64_t> FaultyFileSystem::free_bytes(const std::string&) {
  const Lock lock(state_->mutex);
  if (state_->dead) return Status::io_error("the machine has crashed");
  const uint64_t used = state_->used();
  return state_->capacity > used ? state_->capacity - used : 0;
}

}  // namespace ferro::tests::fakes
