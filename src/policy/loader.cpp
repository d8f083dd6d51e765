#include "sandbox/policy/loader.hpp"

#include "chain.hpp"
#include "check.hpp"
#include "file_trust.hpp"
#include "policy_reader.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/policy/loaded_policy.hpp"
#include "schema.hpp"
#include "schema_words.hpp"

namespace sandbox::policy {
namespace {

constexpr const char* kSeePolicies = "`sandboxctl policy ls` lists what is there";

std::string profile_path(const std::string& policies_dir, const std::string& name) {
    return policies_dir + "/seccomp/" + name + ".json";
}

/// The profile's bytes go to `text`.
SeccompProfile read_profile(const Document& document, const std::string& dir, const std::string& name,
                            Trust trust, std::string& text) {
    const std::string path = profile_path(dir, name);
    try {
        text = read_trusted_file(path, trust);
        return parse_seccomp_profile(text, path);
    } catch (const Error& error) {
        if (error.code() != Errc::not_found)
            throw;
        throw wrong_field(document, "seccomp.profile", "must be the name of a profile: there is no " + path);
    }
}

LoadedPolicy load_from(const std::string& dir, const std::string& name, Trust trust) {
    LoadedPolicy loaded;
    Document document = load_chain(dir, name, trust);
    policy_file_schema().fill_defaults(document.root);
    loaded.policy = read_policy(document.root);
    loaded.policy.name = name;
    if (const auto complaint = find_complaint(loaded.policy))
        throw wrong_field(document, complaint->field, complaint->must, complaint->others);
    std::string profile;
    loaded.seccomp = read_profile(document, dir, loaded.policy.seccomp_profile, trust, profile);
    loaded.policy.digest = sha256_hex(to_toml(loaded.policy) + profile);
    return loaded;
}

void check_policy_name(const std::string& name) {
    if (!is_policy_name(name))
        throw Error(Errc::invalid_argument,
                    "policy \"" + printable(name) + "\": this cannot be a policy's name",
                    "a name has 1 to 64 of a-z, 0-9, _ and -, not with _ or - first", "policy");
    if (name == kReservedName)
        throw Error(Errc::invalid_argument, "policy \"probe\": the name is reserved for the built-in policy",
                    "choose another name", "policy");
}

} // namespace

LoadedPolicy load_whole_policy(const std::string& policies_dir, const std::string& name, Trust trust) {
    check_policy_name(name);
    try {
        return load_from(policies_dir, name, trust);
    } catch (const Error& error) {
        if (error.code() != Errc::not_found)
            throw;
        throw Error(Errc::not_found, "policy " + name + ": " + error.what(), kSeePolicies, "policy");
    }
}

Policy load_policy(const std::string& policies_dir, const std::string& name, Trust trust) {
    return load_whole_policy(policies_dir, name, trust).policy;
}

Policy load_policy_file(const std::string& path, Trust trust) {
    constexpr std::string_view kEnding = ".toml";
    const std::size_t slash = path.rfind('/');
    const std::string dir = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (!name.ends_with(kEnding))
        throw Error(Errc::invalid_argument, path + ": a policy's file is named NAME.toml", "rename it");
    name.resize(name.size() - kEnding.size());
    check_policy_name(name);
    return load_from(dir, name, trust).policy;
}

std::vector<std::string> list_policies(const std::string& policies_dir) {
    std::vector<std::string> names = list_toml_names(policies_dir);
    std::erase(names, kReservedName);
    return names;
}

SeccompProfile load_seccomp_profile(const std::string& policies_dir, const std::string& name, Trust trust) {
    if (!is_policy_name(name))
        throw Error(Errc::invalid_argument,
                    "seccomp profile \"" + printable(name) + "\": this cannot be a profile's name",
                    "a name has 1 to 64 of a-z, 0-9, _ and -, not with _ or - first", "seccomp.profile");
    const std::string path = profile_path(policies_dir, name);
    return parse_seccomp_profile(read_trusted_file(path, trust), path);
}

} // namespace sandbox::policy
