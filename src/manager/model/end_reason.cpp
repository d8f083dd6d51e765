#include "manager/model/end_reason.hpp"

#include "sandbox/protocol/message.hpp"

#include <csignal>
#include <cstring>

namespace sandbox::manager {
namespace {

std::string signal_text(int signal) {
    const char* name = ::sigabbrev_np(signal);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

void judge_by_record(SessionView::End& end, const protocol::ExitRecord& record) {
    if (record.signal) {
        end.reason = EndReason::signalled;
        end.message = "ChimeraX died of " + signal_text(*record.signal) +
                      ". The log's last lines may say why; make a new session.";
    } else {
        end.reason = EndReason::exited;
        end.message =
            "ChimeraX exited by itself with status " + std::to_string(record.exit_status.value_or(0)) + ".";
    }
}

} // namespace

SessionView::End classify_end(const std::optional<EndRequest>& intent,
                              const std::optional<protocol::Ended>& ended, std::optional<Bytes> memory_max,
                              bool exit_asked) {
    SessionView::End end;
    if (ended) {
        end.oom_kills = ended->oom_kills;
        end.memory_peak = ended->memory_peak;
        end.system_calls = ended->system_calls;
        end.cpu_seconds = static_cast<double>(ended->cpu_microseconds) / 1e6;
        if (ended->record) {
            end.exit_status = ended->record->exit_status;
            end.signal = ended->record->signal;
        }
    }
    if (intent) {
        end.reason = intent->reason;
        end.message = intent->message;
    } else if (end.oom_kills > 0) {
        end.reason = EndReason::oom;
        end.message = "The kernel killed ChimeraX at the session's memory limit" +
                      (memory_max ? " of " + memory_max->text() : std::string()) +
                      ". Ask for more memory, or open less.";
    } else if (ended && ended->record && exit_asked && ended->record->signal == SIGABRT) {
        end.reason = EndReason::exited;
        end.message = "ChimeraX was told to exit.";
    } else if (ended && ended->record) {
        judge_by_record(end, *ended->record);
    } else {
        end.reason = EndReason::orphaned;
        end.message = "The session's processes were gone, and nothing tells how they ended.";
    }
    return end;
}

SessionView::End classify_end(const std::optional<EndRequest>& intent) {
    return classify_end(intent, std::nullopt, std::nullopt);
}

} // namespace sandbox::manager
