#include "sandbox/policy/seccomp_profile.hpp"

#include "policy/schema/schema_messages.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include <nlohmann/json.hpp>

namespace sandbox::policy {
namespace {

using Json = nlohmann::json;

template <typename Value>
struct Word {
    std::string_view text;
    Value value;
};

constexpr std::array<Word<SeccompAction>, 7> kActions{{{"SCMP_ACT_ALLOW", SeccompAction::allow},
                                                       {"SCMP_ACT_ERRNO", SeccompAction::error},
                                                       {"SCMP_ACT_KILL", SeccompAction::kill_thread},
                                                       {"SCMP_ACT_KILL_PROCESS", SeccompAction::kill_process},
                                                       {"SCMP_ACT_KILL_THREAD", SeccompAction::kill_thread},
                                                       {"SCMP_ACT_LOG", SeccompAction::log},
                                                       {"SCMP_ACT_TRAP", SeccompAction::trap}}};

constexpr std::array<Word<SeccompOperator>, 7> kOperators{
    {{"SCMP_CMP_NE", SeccompOperator::not_equal},
     {"SCMP_CMP_LT", SeccompOperator::less},
     {"SCMP_CMP_LE", SeccompOperator::less_equal},
     {"SCMP_CMP_EQ", SeccompOperator::equal},
     {"SCMP_CMP_GE", SeccompOperator::greater_equal},
     {"SCMP_CMP_GT", SeccompOperator::greater},
     {"SCMP_CMP_MASKED_EQ", SeccompOperator::masked_equal}}};

constexpr std::array<std::string_view, 20> kArchitectures{
    "SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",     "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",     "SCMP_ARCH_LOONGARCH64"};

constexpr std::uint64_t kMaxErrno = 4095; // MAX_ERRNO of the kernel
constexpr std::size_t kMaxRules = 4096;

/// A part of the document, with the path to it for errors.
class Place {
  public:
    Place(const Json& json, std::string origin, std::string path)
        : json_(json),
          origin_(std::move(origin)),
          path_(std::move(path)) {}

    [[noreturn]] void fail(const std::string& must) const {
        std::string value =
            json_.is_structured() ? (json_.is_array() ? "an array" : "an object") : printable(json_.dump());
        throw Error(Errc::invalid_argument,
                    origin_ + ": " + (path_.empty() ? "the document" : path_) + ": value " + value + ": " +
                        must,
                    {}, path_);
    }

    const Json& json() const { return json_; }
    bool has(const char* key) const { return json_.contains(key); }
    Place at(const char* key) const {
        if (!has(key))
            throw Error(Errc::invalid_argument,
                        origin_ + ": " + (path_.empty() ? "" : path_ + ".") + key + ": is missing", {},
                        path_);
        return {json_[key], origin_, path_.empty() ? key : path_ + "." + key};
    }
    std::vector<Place> items(bool may_be_empty) const {
        if (!json_.is_array() || json_.size() > kMaxRules || (json_.empty() && !may_be_empty))
            fail(std::string("must be an array of ") + (may_be_empty ? "at most " : "1 to ") +
                 std::to_string(kMaxRules) + " items");
        std::vector<Place> places;
        for (std::size_t i = 0; i < json_.size(); ++i)
            places.emplace_back(json_[i], origin_, path_ + "[" + std::to_string(i) + "]");
        return places;
    }

    /// `comment` is Docker's addition, which its own profiles use.
    void must_be_object_of(std::span<const std::string_view> keys) const {
        if (!json_.is_object())
            fail("must be an object");
        for (const auto& [key, value] : json_.items())
            if (key == "comment") {
                if (!value.is_string())
                    at("comment").fail("must be a string");
            } else if (std::ranges::find(keys, key) == keys.end()) {
                unknown_key(key, keys);
            }
    }

    std::uint64_t number(std::uint64_t most) const {
        if (!json_.is_number_unsigned() || json_.get<std::uint64_t>() > most)
            fail("must be a whole number from 0 to " + std::to_string(most));
        return json_.get<std::uint64_t>();
    }

    template <typename Value, std::size_t N>
    Value word(const std::array<Word<Value>, N>& words) const {
        std::string all;
        for (const Word<Value>& word : words) {
            if (json_.is_string() && json_.get_ref<const std::string&>() == word.text)
                return word.value;
            all += (all.empty() ? "" : ", ") + std::string(word.text);
        }
        fail("must be one of " + all);
    }

  private:
    [[noreturn]] void unknown_key(const std::string& key, std::span<const std::string_view> keys) const {
        Json schema;
        for (const std::string_view known : keys)
            schema["properties"][std::string(known)] = Json::object();
        throw Error(Errc::invalid_argument,
                    origin_ + ": " + (path_.empty() ? "" : path_ + ".") + printable(key) + ": unknown key" +
                        known_words(schema, key),
                    {}, path_);
    }

    const Json& json_;
    std::string origin_;
    std::string path_;
};

std::optional<unsigned> read_errno(const Place& place, const char* key, SeccompAction action) {
    if (!place.has(key))
        return std::nullopt;
    if (action != SeccompAction::error)
        place.at(key).fail("is allowed beside SCMP_ACT_ERRNO alone");
    return static_cast<unsigned>(place.at(key).number(kMaxErrno));
}

std::string read_name(const Place& place) {
    const auto is_name = [](const std::string& name) {
        return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        });
    };
    if (!place.json().is_string() || !is_name(place.json().get_ref<const std::string&>()))
        place.fail("must be the name of a system call");
    return place.json().get<std::string>();
}

std::string read_architecture(const Place& place) {
    if (!place.json().is_string() ||
        std::ranges::find(kArchitectures, place.json().get_ref<const std::string&>()) == kArchitectures.end())
        place.fail("must be an architecture of the OCI runtime specification, as \"SCMP_ARCH_X86_64\"");
    return place.json().get<std::string>();
}

SeccompArgument read_argument(const Place& place) {
    constexpr std::array<std::string_view, 4> kKeys{"index", "value", "valueTwo", "op"};
    place.must_be_object_of(kKeys);
    SeccompArgument argument;
    argument.index = static_cast<unsigned>(place.at("index").number(5));
    argument.op = place.at("op").word(kOperators);
    argument.value = place.at("value").number(UINT64_MAX);
    if (place.has("valueTwo"))
        argument.value_two = place.at("valueTwo").number(UINT64_MAX);
    if (argument.op == SeccompOperator::masked_equal) {
        if ((argument.value_two & ~argument.value) != 0)
            place.at("valueTwo").fail("must lie within the mask in value: nothing would ever match");
    } else if (argument.value_two != 0) {
        place.at("valueTwo").fail("must be 0 without SCMP_CMP_MASKED_EQ");
    }
    return argument;
}

SeccompRule read_rule(const Place& place) {
    constexpr std::array<std::string_view, 4> kKeys{"names", "action", "errnoRet", "args"};
    place.must_be_object_of(kKeys);
    SeccompRule rule;
    for (const Place& name : place.at("names").items(false))
        rule.names.push_back(read_name(name));
    rule.action = place.at("action").word(kActions);
    rule.errno_value = read_errno(place, "errnoRet", rule.action);
    if (!place.has("args"))
        return rule;
    std::set<unsigned> seen;
    for (const Place& item : place.at("args").items(true)) {
        rule.arguments.push_back(read_argument(item));
        // libseccomp_rule_add(3): one comparison for each argument.
        if (!seen.insert(rule.arguments.back().index).second)
            item.fail("a rule compares each argument once at most; other comparisons are rules of their own");
    }
    return rule;
}

/// A rule without arguments swallows all others of the same call in libseccomp, whatever their order: a
/// profile that has both does not say what its author meant.
void check_conflicts(const SeccompProfile& profile, const std::vector<Place>& places) {
    std::set<std::string> whole;
    std::set<std::string> partial;
    for (std::size_t i = 0; i < profile.rules.size(); ++i)
        for (const std::string& name : profile.rules[i].names) {
            const bool unconditional = profile.rules[i].arguments.empty();
            if (whole.contains(name) || (unconditional && partial.contains(name)))
                places[i].fail("names " + name + ", which another rule has, and one of the two has no args");
            (unconditional ? whole : partial).insert(name);
        }
}

Json parse_json(const std::string& text, const std::string& origin) {
    // Keys that stand twice are an error: the reader of the file sees the first, the parser takes the last.
    std::vector<std::set<std::string>> open;
    std::string twice;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
        constexpr int kMaxDepth = 16;
        if (depth > kMaxDepth)
            throw Error(Errc::invalid_argument,
                        origin + ": more than " + std::to_string(kMaxDepth) + " brackets in each other");
        if (event == Json::parse_event_t::object_start)
            open.emplace_back();
        else if (event == Json::parse_event_t::object_end)
            open.pop_back();
        else if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second &&
                 twice.empty())
            twice = parsed.get<std::string>();
        return true;
    };
    try {
        Json json = Json::parse(text, watch);
        if (!twice.empty())
            throw Error(Errc::invalid_argument,
                        origin + ": the key \"" + printable(twice) + "\" stands twice in one object");
        return json;
    } catch (const Json::parse_error& error) {
        const auto before = std::string_view(text).substr(0, std::min(error.byte, text.size()));
        const auto line =
            1 + std::ranges::count(before.substr(0, before.empty() ? 0 : before.size() - 1), '\n');
        throw Error(Errc::invalid_argument,
                    origin + ":" + std::to_string(line) + ": is not JSON: " + printable(error.what()));
    }
}

} // namespace

SeccompProfile parse_seccomp_profile(const std::string& json, const std::string& origin) {
    constexpr std::array<std::string_view, 4> kKeys{"defaultAction", "defaultErrnoRet", "architectures",
                                                    "syscalls"};
    const Json document = parse_json(json, origin);
    const Place root(document, origin, "");
    root.must_be_object_of(kKeys);
    SeccompProfile profile;
    profile.default_action = root.at("defaultAction").word(kActions);
    profile.default_errno = read_errno(root, "defaultErrnoRet", profile.default_action);
    if (root.has("architectures"))
        for (const Place& architecture : root.at("architectures").items(true))
            profile.architectures.push_back(read_architecture(architecture));
    if (!root.has("syscalls"))
        return profile;
    const std::vector<Place> places = root.at("syscalls").items(true);
    for (const Place& place : places)
        profile.rules.push_back(read_rule(place));
    check_conflicts(profile, places);
    return profile;
}

} // namespace sandbox::policy
