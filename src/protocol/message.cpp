#include "sandbox/protocol/message.hpp"

#include "protocol/fields.hpp"
#include "sandbox/base/encoding.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace sandbox::protocol {
namespace {

using Json = nlohmann::json;

/// The deepest message is listed → sessions → one of them → its lists.
constexpr int kMaxDepth = 8;

[[noreturn]] void refuse(const std::string& field, const std::string& what) {
    throw Error(Errc::invalid_argument, "launcher protocol: " + (field.empty() ? what : field + ": " + what),
                "Run the manager and the launcher of one and the same release.", field);
}

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// ---- writing

template <typename T>
Json write_value(const T& value);

struct Writer {
    Json& object;

    template <typename T>
    void operator()(const char* key, const T& value) {
        if constexpr (kIsOptional<T>) {
            if (value)
                object[key] = write_value(*value);
        } else {
            object[key] = write_value(value);
        }
    }

    /// A name of a file may have any bytes, and JSON has none but those of UTF-8.
    void bytes(const char* key, const std::string& value) { object[key] = percent_encode(value, "/"); }
};

template <typename T>
Json write_list(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values)
        array.push_back(write_value(value));
    return array;
}

template <typename T>
Json write_value(const T& value) {
    if constexpr (requires(Writer writer) { fields(writer, value); }) {
        Json object = Json::object();
        Writer writer{object};
        fields(writer, value);
        return object;
    } else if constexpr (std::same_as<T, Bytes>) {
        return value.value;
    } else if constexpr (std::same_as<T, Errc>) {
        return errc_info(value).text;
    } else if constexpr (requires { write_list(value); }) {
        return write_list(value);
    } else {
        return value;
    }
}

template <typename Body>
Json write_packet(const Packet<Body>& packet) {
    return std::visit(
        [&]<typename T>(const T& body) {
            return Json{
                {"version", kVersion}, {"id", packet.id}, {"type", kType<T>}, {"body", write_value(body)}};
        },
        packet.body);
}

// ---- reading

std::string below(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

template <typename T>
void read_value(const Json& json, const std::string& path, T& value);

/// Takes the fields of one object, and refuses what no field asked for.
class Reader {
  public:
    Reader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
        if (!object_.is_object())
            refuse(path_, "an object is needed");
    }

    template <typename T>
    void operator()(const char* key, T& value) {
        keys_.emplace_back(key);
        const auto found = object_.find(key);
        if constexpr (kIsOptional<T>) {
            if (found != object_.end())
                read_value(*found, below(path_, key), value.emplace());
        } else {
            if (found == object_.end())
                refuse(below(path_, key), "missing");
            read_value(*found, below(path_, key), value);
        }
    }

    void bytes(const char* key, std::string& value) {
        (*this)(key, value);
        std::optional<std::string> decoded = percent_decode(value);
        if (!decoded || decoded->find('\0') != std::string::npos)
            refuse(below(path_, key), "a name of a file is needed, percent-encoded and without NUL");
        value = std::move(*decoded);
    }

    void finish() const {
        for (const auto& [key, unused] : object_.items()) {
            if (std::ranges::find(keys_, key) == keys_.end())
                refuse(below(path_, key), "unknown key");
        }
    }

  private:
    const Json& object_;
    std::string path_;
    std::vector<std::string_view> keys_;
};

template <typename T>
void read_integer(const Json& json, const std::string& path, T& value) {
    const bool fits = json.is_number_unsigned()
                          ? std::in_range<T>(json.get<std::uint64_t>())
                          : json.is_number_integer() && std::in_range<T>(json.get<std::int64_t>());
    if (!fits) {
        refuse(path, "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                         std::to_string(std::numeric_limits<T>::max()) + " is needed");
    }
    value = json.get<T>();
}

void read_text(const Json& json, const std::string& path, std::string& value) {
    if (!json.is_string())
        refuse(path, "a string is needed");
    value = json.get<std::string>();
    // What ends up in argv, environment or file names would be cut there.
    if (value.find('\0') != std::string::npos)
        refuse(path, "a NUL character is not allowed");
}

void read_bytes(const Json& json, const std::string& path, Bytes& value) {
    std::int64_t number = 0;
    read_integer(json, path, number);
    if (number < 0)
        refuse(path, "a size must not be negative");
    value.value = static_cast<std::uint64_t>(number);
}

void read_code(const Json& json, const std::string& path, Errc& value) {
    std::string text;
    read_text(json, path, text);
    const auto code = errc_from_text(text);
    if (!code)
        refuse(path, "unknown error code");
    value = *code;
}

template <typename T>
void read_map(const Json& json, const std::string& path, std::map<std::string, T>& value) {
    if (!json.is_object())
        refuse(path, "an object is needed");
    for (const auto& [key, item] : json.items()) {
        if (key.find('\0') != std::string::npos)
            refuse(path, "a NUL character is not allowed in a key");
        read_value(item, below(path, key), value[key]);
    }
}

template <typename T>
void read_list(const Json& json, const std::string& path, std::vector<T>& value) {
    if (!json.is_array())
        refuse(path, "an array is needed");
    for (const Json& item : json) {
        const std::string place = path + "[" + std::to_string(value.size()) + "]";
        read_value(item, place, value.emplace_back());
    }
}

template <typename T>
void read_value(const Json& json, const std::string& path, T& value) {
    if constexpr (requires(Reader reader) { fields(reader, value); }) {
        Reader reader(json, path);
        fields(reader, value);
        reader.finish();
    } else if constexpr (std::same_as<T, std::string>) {
        read_text(json, path, value);
    } else if constexpr (std::same_as<T, Bytes>) {
        read_bytes(json, path, value);
    } else if constexpr (std::same_as<T, Errc>) {
        read_code(json, path, value);
    } else if constexpr (std::same_as<T, bool>) {
        if (!json.is_boolean())
            refuse(path, "true or false is needed");
        value = json.get<bool>();
    } else if constexpr (std::integral<T>) {
        read_integer(json, path, value);
    } else if constexpr (std::same_as<T, double>) {
        if (!json.is_number())
            refuse(path, "a number is needed");
        value = json.get<double>();
    } else if constexpr (requires { read_list(json, path, value); }) {
        read_list(json, path, value);
    } else {
        read_map(json, path, value);
    }
}

/// Parses with a bound on the nesting, and refuses a key that stands twice in one object: two readers could
/// take different ones.
Json parse(std::string_view text) {
    if (text.size() > kMaxPacket)
        refuse({}, "a packet of " + std::to_string(text.size()) + " bytes is over the limit of " +
                       std::to_string(kMaxPacket));
    std::vector<std::set<std::string>> open_objects;
    const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > kMaxDepth)
            refuse({}, "nested deeper than " + std::to_string(kMaxDepth));
        if (event == Json::parse_event_t::object_start)
            open_objects.emplace_back();
        else if (event == Json::parse_event_t::object_end)
            open_objects.pop_back();
        else if (event == Json::parse_event_t::key &&
                 !open_objects.back().insert(parsed.get<std::string>()).second)
            refuse(parsed.get<std::string>(), "the key stands there twice");
        return true;
    };
    try {
        return Json::parse(text, check);
    } catch (const Json::exception& error) {
        refuse({}, std::string("not a JSON text: ") + error.what());
    }
}

/// Reads `body` as the alternative of the variant that is called `type`.
template <typename... Bodies>
void read_body(const Json& json, const std::string& type, std::variant<Bodies...>& body) {
    const auto try_one = [&]<typename T>(std::type_identity<T>) {
        if (kType<T> != type)
            return false;
        read_value(json, {}, body.template emplace<T>());
        return true;
    };
    if (!(try_one(std::type_identity<Bodies>{}) || ...))
        refuse("type", "unknown message type");
}

/// The outer object, with the body still as JSON.
struct Envelope {
    int version = 0;
    std::uint64_t id = 0;
    std::string type;
};

template <typename Body>
Packet<Body> read_packet(std::string_view text) {
    const Json json = parse(text);
    Reader reader(json, {});
    Envelope envelope;
    reader("version", envelope.version);
    if (envelope.version != kVersion)
        refuse("version", std::to_string(envelope.version) + " is not " + std::to_string(kVersion));
    reader("id", envelope.id);
    reader("type", envelope.type);
    Packet<Body> packet;
    packet.id = envelope.id;
    const auto body = json.find("body");
    if (body == json.end())
        refuse("body", "missing");
    read_body(*body, envelope.type, packet.body);
    if (json.size() != 4) {
        for (const auto& [key, unused] : json.items()) {
            if (key != "version" && key != "id" && key != "type" && key != "body")
                refuse(key, "unknown key");
        }
    }
    return packet;
}

} // namespace

std::string encode(const Packet<Request>& packet) {
    std::string text;
    try {
        text = write_packet(packet).dump();
    } catch (const Json::exception& error) {
        refuse({}, std::string("the request is not valid UTF-8: ") + error.what());
    }
    // What the other side would refuse is refused here, where only its caller hears of it: there, the
    // connection of all would end.
    static_cast<void>(decode_request(text));
    return text;
}

std::string encode(const Packet<Reply>& packet) {
    // Texts of a reply can hold what a file or the kernel said: what is not UTF-8 is shown as U+FFFD rather
    // than lost with the whole reply.
    return write_packet(packet).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Packet<Request> decode_request(std::string_view text) {
    return read_packet<Request>(text);
}

Packet<Reply> decode_reply(std::string_view text) {
    return read_packet<Reply>(text);
}

Failure to_failure(const Error& error) {
    return {error.code(), error.what(), error.cure(), error.field()};
}

Error to_error(const Failure& failure) {
    return Error(failure.code, failure.message, failure.cure, failure.field);
}

} // namespace sandbox::protocol
