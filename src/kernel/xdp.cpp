#include "sandbox/kernel/xdp.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::kernel {
namespace {

// Names of the instruction set (bpf_instruction set, Documentation/bpf/standardization).
enum Register : std::uint8_t { r0, r1, r2, r3, r4 };

bpf_insn make(std::uint8_t code, std::uint8_t dst, std::uint8_t src, std::int16_t off, std::int32_t imm) {
    bpf_insn insn{};
    insn.code = code;
    insn.dst_reg = dst & 15;
    insn.src_reg = src & 15;
    insn.off = off;
    insn.imm = imm;
    return insn;
}
bpf_insn load(std::uint8_t size, Register dst, Register src, std::int16_t off) {
    return make(static_cast<std::uint8_t>(BPF_LDX | BPF_MEM | size), dst, src, off, 0);
}
bpf_insn move(Register dst, Register src) {
    return make(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}
bpf_insn set(Register dst, std::int32_t imm) {
    return make(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}
bpf_insn add(Register dst, std::int32_t imm) {
    return make(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}
bpf_insn mask(Register dst, std::int32_t imm) {
    return make(BPF_ALU64 | BPF_AND | BPF_K, dst, 0, 0, imm);
}
bpf_insn jump_equal(Register dst, std::int32_t imm, std::int16_t off) {
    return make(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, off, imm);
}
bpf_insn jump_not_equal(Register dst, std::int32_t imm, std::int16_t off) {
    return make(BPF_JMP | BPF_JNE | BPF_K, dst, 0, off, imm);
}
bpf_insn jump_greater(Register dst, Register src, std::int16_t off) {
    return make(BPF_JMP | BPF_JGT | BPF_X, dst, src, off, 0);
}
bpf_insn leave() {
    return make(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

} // namespace

UniqueFd load_reply_filter(std::uint16_t port) {
    constexpr std::int16_t kIp = ETH_HLEN, kTcp = ETH_HLEN + 20;
    constexpr int kSyn = 0x02, kAck = 0x10;
    const auto network16 = [](std::uint16_t value) { return static_cast<std::int32_t>(htons(value)); };
    constexpr std::int32_t kLoopback = 1; // LOOPBACK_IFINDEX of include/net/flow.h: lo's in each namespace
    const std::array program{
        load(BPF_W, r0, r1, offsetof(xdp_md, ingress_ifindex)),
        jump_equal(r0, kLoopback, 25), // pass
        load(BPF_W, r2, r1, offsetof(xdp_md, data)),
        load(BPF_W, r3, r1, offsetof(xdp_md, data_end)),
        move(r4, r2),
        add(r4, ETH_HLEN),
        jump_greater(r4, r3, 18), // drop
        load(BPF_H, r0, r2, 12),
        jump_equal(r0, network16(ETH_P_ARP), 18), // pass
        jump_not_equal(r0, network16(ETH_P_IP), 15),
        add(r4, 40),
        jump_greater(r4, r3, 13),
        load(BPF_B, r0, r2, kIp),
        jump_not_equal(r0, 0x45, 11), // no options: the ports would lie elsewhere
        load(BPF_H, r0, r2, kIp + 6),
        mask(r0, network16(0xBFFF)), // all but DF: no fragments
        jump_not_equal(r0, 0, 8),
        load(BPF_B, r0, r2, kIp + 9),
        jump_not_equal(r0, 6, 6),
        load(BPF_H, r0, r2, kTcp),
        jump_not_equal(r0, network16(port), 4),
        load(BPF_B, r0, r2, kTcp + 13),
        mask(r0, kSyn | kAck),
        jump_equal(r0, kSyn, 1),
        make(BPF_JMP | BPF_JA, 0, 0, 2, 0),
        set(r0, XDP_DROP),
        leave(),
        set(r0, XDP_PASS),
        leave(),
    };
    union bpf_attr attr {};
    attr.prog_type = BPF_PROG_TYPE_XDP;
    attr.insns = reinterpret_cast<std::uintptr_t>(program.data());
    attr.insn_cnt = program.size();
    attr.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    std::array<char, 4096> log{};
    attr.log_buf = reinterpret_cast<std::uintptr_t>(log.data());
    attr.log_size = log.size();
    attr.log_level = 1;
    UniqueFd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
    if (!loaded) {
        const int error_number = errno;
        if (error_number == ENOSYS || error_number == EPERM)
            throw Error(
                Errc::unsupported, "the kernel does not load the packet filter of the session links (bpf(2))",
                "use a kernel with CONFIG_BPF_SYSCALL, and give the launcher CAP_BPF and CAP_NET_ADMIN");
        throw errno_error(error_number, std::string("the packet filter was refused: ") + log.data());
    }
    return loaded;
}

} // namespace sandbox::kernel
