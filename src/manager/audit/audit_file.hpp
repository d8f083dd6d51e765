#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sandbox::manager {

/// The audit trail in a folder of its own: lines are appended to `audit.jsonl`, which becomes
/// `audit-TIME.jsonl` when it is full. Those go when they are too old or too much. Not for several threads at
/// once; one program writes it.
class AuditFile {
  public:
    struct Limits {
        Bytes file_size = 16_MiB;
        Bytes total_size = 1_GiB; ///< of all files; the oldest go first
        Duration age = std::chrono::hours(90 * 24);
    };

    /// Makes the folder where it is missing. A last line that a crash or a loss of power cut short is ended,
    /// so that no other is joined to it.
    AuditFile(std::string folder, Limits limits);

    /// All of these whole lines, on the disk when it returns. Throws Error io, and then none of them is
    /// there.
    void append(const std::string& lines);

    std::string path() const { return folder_ + "/audit.jsonl"; }

  private:
    void open();
    void rotate();
    void drop_old() const;

    const std::string folder_;
    const Limits limits_;
    UniqueFd file_;
    std::uint64_t size_ = 0;
};

/// The files of a trail, oldest first.
std::vector<std::string> audit_files(const std::string& folder);

} // namespace sandbox::manager
