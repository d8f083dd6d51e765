// What the benchmark puts into each sandbox: static, it says one byte, and ends when its stdin does. So its
// start costs as little as an exec can, its first instruction can be seen from outside, and it is there to be
// stopped.
#include <unistd.h>

int main() {
    char byte = 'x';
    if (::write(STDOUT_FILENO, &byte, 1) != 1)
        return 1;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return 0;
}
