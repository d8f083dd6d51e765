#include "ctl/format/json_text.hpp"
#include "ctl/verify/verify.hpp"

#include <array>
#include <map>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

using Options = std::set<std::string>;

/// As mountinfo writes paths (proc(5)).
std::string mangled(const std::string& path) {
    std::string text;
    for (const char c : path) {
        constexpr std::string_view kMangled = " \t\n\\";
        std::array<char, 8> octal{};
        if (kMangled.find(c) != std::string_view::npos) {
            std::snprintf(octal.data(), octal.size(), "\\%03o", static_cast<unsigned>(c));
            text += octal.data();
        } else {
            text += c;
        }
    }
    return text;
}

Options split(const std::string& text) {
    Options options;
    std::istringstream stream(text);
    for (std::string option; std::getline(stream, option, ',');)
        options.insert(option);
    return options;
}

/// `size=1024k` of the options of a file system.
std::string option_value(const Options& options, const std::string& name) {
    for (const std::string& option : options)
        if (option.starts_with(name + "="))
            return option.substr(name.size() + 1);
    return "-";
}

bool has_all(const Options& options, const std::vector<std::string>& wanted) {
    for (const std::string& option : wanted)
        if (!options.contains(option))
            return false;
    return true;
}

class MountProofs {
  public:
    MountProofs(const Json& inspected, std::vector<Proof>& proofs)
        : promise_(member(inspected, {"promise"})),
          proofs_(proofs) {
        const Json& mounts = member(inspected, {"mounts"});
        if (mounts.is_array())
            for (const Json& mount : mounts)
                by_target_[word(mount, {"target"})].push_back(&mount);
    }

    void verify() {
        for (const Json& mount : list("mounts"))
            verify_own(mount);
        verify_binds();
        verify_masks();
        verify_others();
    }

  private:
    const Json& list(const char* name) const {
        static const Json none = Json::array();
        const Json& found = member(promise_, {name});
        return found.is_array() ? found : none;
    }

    /// The one mount at a target; none where there is none, or more than one lies there.
    const Json* at(const std::string& target) {
        known_.insert(mangled(target));
        const auto found = by_target_.find(mangled(target));
        return found == by_target_.end() || found->second.size() != 1 ? nullptr : found->second.front();
    }
    std::string absent(const std::string& target) const {
        const auto found = by_target_.find(mangled(target));
        return found == by_target_.end() ? "not mounted"
                                         : std::to_string(found->second.size()) + " mounts there";
    }

    void verify_own(const Json& promised) {
        const std::string target = word(promised, {"target"}), type = word(promised, {"type"});
        std::vector<std::string> flags;
        std::string expected = type;
        for (const Json& flag : member(promised, {"options"})) {
            expected += (flags.empty() ? " " : ",") + flag.get<std::string>();
            flags.push_back(flag.get<std::string>());
        }
        const Json& size = member(promised, {"size_bytes"});
        const std::string inodes = word(promised, {"inodes"});
        // tmpfs keeps whole pages, and shows KiB (mm/shmem.c).
        std::string kib;
        if (size.is_number_unsigned()) {
            kib = std::to_string((size.get<std::uint64_t>() + 4095) / 4096 * 4) + "k";
            expected += " size=" + kib;
        }
        if (inodes != "-")
            expected += " nr_inodes=" + inodes;
        const Json* mount = at(target);
        if (mount == nullptr) {
            add_proof(proofs_, "mount " + target, false, expected, absent(target));
            return;
        }
        const Options options = split(word(*mount, {"options"})), super = split(word(*mount, {"super"}));
        std::string found = word(*mount, {"type"}) + " " + word(*mount, {"options"});
        if (!kib.empty())
            found += " size=" + option_value(super, "size");
        if (inodes != "-")
            found += " nr_inodes=" + option_value(super, "nr_inodes");
        add_proof(proofs_, "mount " + target,
                  word(*mount, {"type"}) == type && has_all(options, flags) &&
                      (kib.empty() || option_value(super, "size") == kib) &&
                      (inodes == "-" || option_value(super, "nr_inodes") == inodes),
                  expected, found);
    }

    /// A bind shows what was mounted below its source too, by the same flags.
    void verify_binds() {
        std::string wrong;
        for (const Json& bind : list("binds")) {
            const std::string target = word(bind, {"target"});
            const bool device = member(bind, {"device"}) == true;
            const Json* mount = at(target);
            if (mount == nullptr)
                wrong += (wrong.empty() ? "" : ", ") + target + " " + absent(target);
            else
                check_flags(*mount, device, wrong);
            if (!device)
                bound_.insert(mangled(target) + "/");
        }
        for (const auto& [target, mounts] : by_target_)
            if (is_below_bind(target))
                for (const Json* mount : mounts)
                    check_flags(*mount, false, wrong);
        add_proof(proofs_, "mounts of what the policy shows", wrong.empty(), "ro,nosuid,nodev",
                  wrong.empty() ? "all " + std::to_string(list("binds").size()) : wrong);
    }

    static void check_flags(const Json& mount, bool device, std::string& wrong) {
        if (!has_all(split(word(mount, {"options"})),
                     device ? std::vector<std::string>{"nosuid"}
                            : std::vector<std::string>{"ro", "nosuid", "nodev"}))
            wrong += (wrong.empty() ? "" : ", ") + word(mount, {"target"}) + " " + word(mount, {"options"});
    }

    bool is_below_bind(const std::string& target) const {
        if (known_.contains(target))
            return false;
        for (const std::string& bound : bound_)
            if (target.starts_with(bound))
                return true;
        return false;
    }

    void verify_masks() {
        std::string wrong;
        for (const Json& path : list("masked_paths")) {
            const std::string target = path.is_string() ? path.get<std::string>() : "?";
            const Json* mount = at(target);
            const std::string root = mount == nullptr ? "" : word(*mount, {"root"});
            // An empty folder, or /dev/null.
            if (mount == nullptr || word(*mount, {"type"}) != "tmpfs" || (root != "/" && root != "/null") ||
                !split(word(*mount, {"options"})).contains("ro"))
                wrong +=
                    (wrong.empty() ? "" : ", ") + target + (mount == nullptr ? " " + absent(target) : "");
        }
        add_proof(proofs_, "masks in /proc", wrong.empty(), "all that this kernel has",
                  wrong.empty() ? "all " + std::to_string(list("masked_paths").size()) : wrong);
    }

    void verify_others() {
        std::string others;
        for (const auto& [target, mounts] : by_target_)
            if (!known_.contains(target) && !is_below_bind(target))
                others += (others.empty() ? "" : ", ") + target;
        add_proof(proofs_, "no other mounts", others.empty(), "none", others.empty() ? "none" : others);
    }

    const Json& promise_;
    std::vector<Proof>& proofs_;
    std::map<std::string, std::vector<const Json*>> by_target_; ///< as mountinfo writes them
    std::set<std::string> known_, bound_;
};

} // namespace

void verify_mounts(const Json& inspected, std::vector<Proof>& proofs) {
    MountProofs(inspected, proofs).verify();
}

} // namespace sandbox::ctl
