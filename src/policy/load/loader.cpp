#include "sandbox/policy/loader.hpp"

#include "policy/files/layers.hpp"
#include "policy/files/trusted_file.hpp"
#include "policy/load/inheritance.hpp"
#include "policy/load/policy_reader.hpp"
#include "policy/schema/schema.hpp"
#include "policy/schema/schema_messages.hpp"
#include "policy/schema/semantic_checks.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/policy/loaded_policy.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace sandbox::policy {
namespace {

constexpr const char* kSeePolicies = "`sandboxctl policy ls` lists what is there";

std::string profile_file(const std::string& name) {
    return "seccomp/" + name + ".json";
}

/// The path of the profile that counts.
std::string find_profile(const Document& document, const Layers& layers, const std::string& name,
                         Trust trust) {
    const std::string file = profile_file(name);
    const auto layer = find_layer(layers, file, trust);
    if (!layer)
        throw wrong_field(document, "seccomp.profile",
                          "must be the name of a profile: there is no " + file + " in " +
                              layers_text(layers));
    return layers[*layer] + "/" + file;
}

LoadedPolicy load_from(const Layers& layers, std::size_t first, const std::string& name, Trust trust,
                       const std::optional<std::string>& text = {}) {
    LoadedPolicy loaded;
    Document document = load_chain(layers, first, name, trust, text);
    policy_file_schema().fill_defaults(document.root);
    loaded.policy = read_policy(document.root);
    loaded.policy.name = name;
    if (const auto complaint = find_complaint(loaded.policy))
        throw wrong_field(document, complaint->field, complaint->must, complaint->others);
    loaded.path = layers[first] + "/" + name + ".toml";
    loaded.seccomp_path = find_profile(document, layers, loaded.policy.seccomp_profile, trust);
    const std::string profile = read_trusted_file(loaded.seccomp_path, trust);
    loaded.seccomp = parse_seccomp_profile(profile, loaded.seccomp_path);
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

std::string_view to_text(PolicyLayer layer) {
    return layer == PolicyLayer::vendor  ? "vendor"
           : layer == PolicyLayer::admin ? "admin"
                                         : "admin-over-vendor";
}

LoadedPolicy load_whole_policy(const PolicyFolders& folders, const std::string& name, Trust trust) {
    check_policy_name(name);
    const Layers layers = layers_of(folders);
    const std::string file = name + ".toml";
    const auto first = find_layer(layers, file, trust);
    if (!first)
        throw Error(Errc::not_found,
                    "policy " + name + ": there is no " + file + " in " + layers_text(layers), kSeePolicies,
                    "policy");
    LoadedPolicy loaded = load_from(layers, *first, name, trust);
    if (*first > 0)
        loaded.policy.layer = PolicyLayer::vendor;
    else if (find_layer(layers, file, trust, 1))
        loaded.policy.layer = PolicyLayer::admin_over_vendor;
    return loaded;
}

Policy load_policy(const PolicyFolders& folders, const std::string& name, Trust trust) {
    return load_whole_policy(folders, name, trust).policy;
}

LoadedPolicy load_policy_file(const std::string& path, const PolicyFolders& folders, Trust trust) {
    constexpr std::string_view kEnding = ".toml";
    const std::size_t slash = path.rfind('/');
    const std::string dir = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (!name.ends_with(kEnding))
        throw Error(Errc::invalid_argument, path + ": a policy's file is named NAME.toml", "rename it");
    name.resize(name.size() - kEnding.size());
    check_policy_name(name);
    Layers layers = layers_of(folders);
    const auto is_same = [&](const std::string& layer) {
        std::error_code error;
        return std::filesystem::equivalent(layer, dir, error);
    };
    auto own = std::ranges::find_if(layers, is_same);
    if (own == layers.end())
        own = layers.insert(layers.begin(), dir);
    else
        *own = dir; // errors name the file as it was given
    return load_from(layers, static_cast<std::size_t>(own - layers.begin()), name, trust);
}

Policy check_policy_text(const std::string& text, const PolicyFolders& folders, const std::string& name,
                         Trust trust) {
    check_policy_name(name);
    return load_from(layers_of(folders), 0, name, trust, text).policy;
}

std::vector<std::string> list_policies(const PolicyFolders& folders) {
    const Layers layers = layers_of(folders);
    std::set<std::string> names;
    std::size_t missing = 0;
    for (const std::string& layer : layers)
        try {
            for (std::string& name : list_toml_names(layer))
                names.insert(std::move(name));
        } catch (const Error& error) {
            if (error.code() != Errc::not_found)
                throw;
            ++missing;
        }
    if (missing == layers.size())
        throw Error(Errc::not_found, "there is no folder of policies: no " + layers_text(layers),
                    "Install the vendor's, or name the folders in sandboxd.toml: policies_dir, "
                    "vendor_policies_dir.");
    names.erase(kReservedName);
    return {names.begin(), names.end()};
}

} // namespace sandbox::policy
