#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <sys/types.h>

namespace standin {

class Session;

/// Runs Python scripts by a child with the system's python3, which stays for the next script, as ChimeraX's
/// own interpreter does, and which starts with the first one. As far as anybody can see it is a part of this
/// process: what prints goes to our stdout by Python's buffer, and when it dies, of a signal or by
/// os._exit(), so does this one, in the same way.
class Python {
  public:
    explicit Python(Session& session) : session_(session) {}

    /// Throws UserError with the traceback where the script fails, or where there is no python3; Quit for
    /// sys.exit().
    void run(const std::string& path, const std::vector<std::string>& arguments);

    /// Has the child flush what it printed and end, as an orderly end of the process does.
    void close();

  private:
    struct Message {
        std::string verb;
        std::string text;
    };

    void start();
    void end_as_child_did(pid_t child);
    void send(const std::string& verb, const std::string& text) const;
    Message receive() const;
    std::string receive_exactly(std::size_t length) const;
    /// What a script asks for while it runs.
    void serve(const Message& message);

    Session& session_;
    int socket_ = -1;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool is_closing_ = false;
    bool has_ended_ = false;
};

} // namespace standin
