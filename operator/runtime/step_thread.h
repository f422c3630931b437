// The one kind of thread in the operator's core: it repeats a step. Everything that steps (reflectors,
// workers, leader election, the event recorder) keeps its logic in the step and can be driven by hand in
// tests, on a manual clock and without threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace ferro::oper::runtime {

// Owned by whoever started it. `wake` and `stop` from any thread but its own.
class StepThread {
 public:
  // Does one piece of work; answers how many milliseconds the next may wait: 0 = none, negative = until
  // wake().
  using Step = std::function<int64_t()>;

  // Runs from here on. `name`: at most 15 characters are shown by top.
  StepThread(std::string name, Step step);
  ~StepThread() { stop(); }
  StepThread(const StepThread&) = delete;
  StepThread& operator=(const StepThread&) = delete;

  // The next step runs at once, also when one is under way now.
  void wake();
  // Lets the step under way end and joins. What blocks inside a step must be interrupted by its owner first.
  void stop();

 private:
  void run();

  const std::string name_;
  const Step step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false, stopping_ = false;
  std::thread thread_;  // last: starts when everything else is there
};

}  // namespace ferro::oper::runtime
