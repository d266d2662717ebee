/* A JACK client that stamps every MIDI message that arrives, and monitors that tell when the machine stood still.
 *
 *     stamp PORT      connects PORT to its input; ends when its own input closes, then prints one line for each
 *                     message: "m <frame> <monotonic ns> <hex>", and for each standstill: "s <from ns> <to ns>".
 *
 * and for each XRun that the server tells of: "x <ns>".
 *
 * Nothing is printed while it listens. A monitor sits on each core (a virtual machine's cores stand still one by one) and
 * asks for SCHED_FIFO 90, above all that is measured: what delays it delays everything on its core ("f 1" if it was
 * granted to all, else "f 0").
 */
#define _GNU_SOURCE
#include <jack/jack.h>
#include <jack/midiport.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 1000000
#define STALLS 100000
#define CORES 256
#define STEP_NS 500000LL
#define STALL_NS 1000000LL /* woken so late: the machine stood still */

static struct { uint32_t frame; int64_t ns; uint8_t size, data[3]; } messages[MESSAGES];
static struct { int64_t from, to; } stalls[STALLS];
static int64_t xruns[STALLS];
static volatile int message_count, stall_count, xrun_count, ended;
static jack_client_t *client;
static jack_port_t *port;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int process(jack_nframes_t frames, void *unused)
{
    void *buffer = jack_port_get_buffer(port, frames);
    jack_nframes_t first = jack_last_frame_time(client);
    int64_t ns = now_ns();
    jack_midi_event_t event;
    (void)unused;
    for (uint32_t i = 0; jack_midi_event_get(&event, buffer, i) == 0 && message_count < MESSAGES; i++) {
        int n = message_count;
        messages[n].frame = first + event.time;
        messages[n].ns = ns;
        messages[n].size = event.size < 3 ? event.size : 3;
        memcpy(messages[n].data, event.buffer, messages[n].size);
        message_count = n + 1;
    }
    return 0;
}

static int xrun(void *unused)
{
    (void)unused;
    if (xrun_count < STALLS)
        xruns[xrun_count++] = now_ns();
    return 0;
}

static struct { int core, granted; pthread_t thread; } monitors[CORES];

static void *watch(void *mine)
{
    struct sched_param priority = {.sched_priority = 90};
    int i = *(int *)mine;
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(i, &here);
    pthread_setaffinity_np(pthread_self(), sizeof here, &here); /* not ours: then it stays where it is put */
    monitors[i].granted = pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
    for (int64_t due = now_ns(); !ended;) {
        due += STEP_NS;
        struct timespec until = {due / 1000000000LL, due % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        int64_t now = now_ns();
        int n = now - due > STALL_NS ? __atomic_fetch_add(&stall_count, 1, __ATOMIC_RELAXED) : STALLS;
        if (n < STALLS) {
            stalls[n].from = due;
            stalls[n].to = now;
        }
        if (now > due + STEP_NS)
            due = now;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int granted = 1, cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    char byte;
    client = jack_client_open("stamp", JackNoStartServer, NULL);
    if (!client) {
        fprintf(stderr, "no JACK server answers\n");
        return 1;
    }
    port = jack_port_register(client, "in", JACK_DEFAULT_MIDI_TYPE, JackPortIsInput, 0);
    jack_set_process_callback(client, process, NULL);
    jack_set_xrun_callback(client, xrun, NULL);
    mlockall(MCL_CURRENT);
    jack_activate(client);
    if (argc > 1 && jack_connect(client, argv[1], jack_port_name(port))) {
        fprintf(stderr, "%s cannot be connected\n", argv[1]);
        return 1;
    }
    cores = cores > CORES ? CORES : cores;
    for (int i = 0; i < cores; i++) {
        monitors[i].core = i;
        pthread_create(&monitors[i].thread, NULL, watch, &monitors[i].core);
    }
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    ended = 1;
    for (int i = 0; i < cores; i++) {
        pthread_join(monitors[i].thread, NULL);
        granted &= monitors[i].granted;
    }
    stall_count = stall_count < STALLS ? stall_count : STALLS;
    jack_client_close(client);
    printf("f %d\n", granted);
    for (int i = 0; i < stall_count; i++)
        printf("s %lld %lld\n", (long long)stalls[i].from, (long long)stalls[i].to);
    for (int i = 0; i < xrun_count; i++)
        printf("x %lld\n", (long long)xruns[i]);
    for (int i = 0; i < message_count; i++) {
        printf("m %u %lld ", messages[i].frame, (long long)messages[i].ns);
        for (int j = 0; j < messages[i].size; j++)
            printf("%02x", messages[i].data[j]);
        printf("\n");
    }
    return 0;
}
