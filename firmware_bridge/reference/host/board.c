/* The reference as a board on a pseudo-terminal, for tests on a computer (POSIX; not for boards).
 *
 *     cc -std=c99 -I.. -o board board.c ../patrol_board.c ../patrol_frame.c
 *     ./board LINK
 *
 * LINK becomes a symbolic link to the pseudo-terminal. Each call of `apply` is a line on stdout:
 *     apply NANOSECONDS CHANNEL ON LEVEL PATTERN
 * by CLOCK_MONOTONIC. Lines on stdin: `press N`, `release N`, `fault BITS`, `clear BITS`. It ends
 * when stdin does.
 */
#define _XOPEN_SOURCE 600

#include "equipment.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static unsigned long long now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000000ull + (unsigned long long)now.tv_nsec;
}

static uint32_t now_ms(void)
{
    return (uint32_t)(now_ns() / 1000000ull);
}

static void send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    const int *master = context;

    while (count > 0) {
        ssize_t written = write(*master, bytes, count);

        if (written <= 0) {
            return; /* nobody reads: as on a line, it is lost */
        }
        bytes += written;
        count -= (size_t)written;
    }
}

static void apply_output(void *context, uint8_t channel, const pb_output *output)
{
    (void)context;
    printf("apply %llu %u %u %u %u\n", now_ns(), channel, output->on ? 1u : 0u, output->level,
           output->pattern);
    fflush(stdout);
}

static void text(void *context, uint8_t byte)
{
    (void)context;
    (void)byte; /* a real board hands it to its console and to SMP */
}

static int open_terminal(const char *link)
{
    struct termios raw;
    const char *name;
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        return -1;
    }
    name = ptsname(master);
    slave = name == NULL ? -1 : open(name, O_RDWR | O_NOCTTY); /* stays open: hosts come and go */
    if (slave < 0 || tcgetattr(slave, &raw) != 0) {
        return -1;
    }
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    if (tcsetattr(slave, TCSANOW, &raw) != 0
        || fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK) < 0) {
        return -1;
    }
    unlink(link);
    return symlink(name, link) == 0 ? master : -1;
}

static void obey(pb_board *board, const char *line)
{
    unsigned number;

    if (sscanf(line, "press %u", &number) == 1) {
        pb_set_input(board, (uint8_t)number, true);
    } else if (sscanf(line, "release %u", &number) == 1) {
        pb_set_input(board, (uint8_t)number, false);
    } else if (sscanf(line, "fault %u", &number) == 1) {
        pb_set_faults(board, (uint16_t)number, true);
    } else if (sscanf(line, "clear %u", &number) == 1) {
        pb_set_faults(board, (uint16_t)number, false);
    }
}

int main(int argc, char **argv)
{
    static pb_board board;
    pb_hooks hooks = {NULL, send_bytes, apply_output, text};
    struct pollfd watched[2];
    int master;

    if (argc != 2 || (master = open_terminal(argv[1])) < 0) {
        fprintf(stderr, "usage: board LINK\n");
        return 2;
    }
    hooks.context = &master;
    pb_init(&board, &DESCRIPTION, &hooks, now_ms());
    fprintf(stderr, "a board: %s\n", argv[1]);
    watched[0].fd = master;
    watched[1].fd = STDIN_FILENO;
    watched[0].events = watched[1].events = POLLIN;
    for (;;) {
        char line[64];
        uint8_t bytes[256];
        ssize_t count, i;

        poll(watched, 2, 2);
        if ((watched[1].revents & (POLLIN | POLLHUP)) != 0) {
            count = read(STDIN_FILENO, line, sizeof line - 1);
            if (count <= 0) {
                break;
            }
            line[count] = '\0';
            obey(&board, line);
        }
        count = read(master, bytes, sizeof bytes);
        for (i = 0; i < count; i++) {
            pb_feed(&board, bytes[i]);
        }
        pb_poll(&board, now_ms());
    }
    unlink(argv[1]);
    return 0;
}
