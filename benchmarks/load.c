/*
 * The load of the benchmarks: many connections to one server, from one thread.
 *
 *     load KIND PID PORT CONNECTIONS SECONDS EXPECTED HEADER < TRAFFIC
 *
 * The traffic begins with a line of lengths: that of the opening handshake, and
 * those of batches of masked frames; after it come the bytes themselves.  There
 * is no opening handshake if it has no length.
 *
 * Kinds:
 *     bytes      each connection sends a batch, and the next one as soon as
 *                EXPECTED bytes of payload have come back
 *     messages   the same, with EXPECTED messages
 *     raw        the same, with EXPECTED bytes and without WebSocket
 *     broadcast  the first one sends a batch, and the next one as soon as all
 *                together have got EXPECTED bytes of payload
 *     handshake  each connection opens, closes, and begins anew
 *     idle       connections that are opened and do nothing
 *
 * The answer to the opening handshake has to contain HEADER, if that is not
 * empty.  Printed are: how many bytes, messages, handshakes or connections
 * there were; what they cost the process PID, in seconds of CPU time (user and
 * system), or for idle ones in bytes of memory; and how many seconds it took.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum kind { BYTES, MESSAGES, RAW, BROADCAST, HANDSHAKE, IDLE, KINDS };
static const char *const kinds[KINDS] = {
    "bytes", "messages", "raw", "broadcast", "handshake", "idle"};

enum { EVENTS = 256, WARM_TURNS = 1, TURNS = 4, WARM_CONNECTIONS = 100, CLOSE = 8, LINE = 65536 };

struct bytes {
    char *data;
    size_t length;
};

struct connection {
    int descriptor;
    int batch;           /* the batch that it is sending, or has sent */
    size_t sent;         /* of the batch */
    int isWaiting;       /* for room to send the rest */
    uint64_t received;   /* in answer to the batch */
    unsigned char header[10];
    int headerLength;
    uint64_t missing;    /* of the payload of a frame */
    int isOpen;          /* past the opening handshake */
    int isClosed;        /* a whole Close has come */
    int matched;         /* of the empty line after the answer's head */
};

static enum kind kind;
static pid_t server;
static int port;
static double seconds;
static uint64_t expected;
static const char *requiredHeader;

static struct bytes request;
static struct bytes *batches;
static int batchCount;

static int poll_;
static int connectionCount;
static struct connection *connections;
static uint64_t amount;        /* of everything that has come back */
static uint64_t broadcastLeft; /* of the broadcast that is on its way */
static uint64_t turns;         /* how often the first connection has begun anew */

static void
fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void
failFor(const char *what)
{
    fail("%s: %s", what, strerror(errno));
}

/* What the machine says */

static double
readClock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        failFor("a clock");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* utime and stime of /proc/PID/stat, but in nanoseconds rather than ticks */
static double
serverTime(void)
{
    clockid_t clock;
    if (clock_getcpuclockid(server, &clock))
        fail("the server is gone");
    return readClock(clock);
}

static double
serverMemory(void)
{
    char path[64];
    long size, resident;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)server);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
        fail("the server is gone");
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void
print(double cost, double elapsed)
{
    printf("%llu %.9f %.6f\n", (unsigned long long)amount, cost, elapsed);
}

/* The traffic */

static struct bytes
readBytes(char *length)
{
    struct bytes bytes;
    if (!length)
        fail("the traffic has no lengths");
    bytes.length = strtoull(length, NULL, 10);
    bytes.data = malloc(bytes.length + 1);
    return bytes;
}

static void
fill(struct bytes *bytes)
{
    if (fread(bytes->data, 1, bytes->length, stdin) != bytes->length)
        fail("the traffic is too short");
}

static void
readTraffic(void)
{
    static char line[LINE];
    if (!fgets(line, sizeof line, stdin))
        fail("there is no traffic");
    request = readBytes(strtok(line, " \n"));
    for (char *length; (length = strtok(NULL, " \n"));) {
        batches = realloc(batches, (size_t)(batchCount + 1) * sizeof *batches);
        batches[batchCount++] = readBytes(length);
    }
    fill(&request);
    for (int i = 0; i < batchCount; i++)
        fill(&batches[i]);
}

/* Sending */

static void
watch(struct connection *connection, int operation, int isWaiting)
{
    struct epoll_event event = {.data.ptr = connection};
    event.events = EPOLLIN | (isWaiting ? EPOLLOUT : 0u);
    connection->isWaiting = isWaiting;
    if (epoll_ctl(poll_, operation, connection->descriptor, &event))
        failFor("epoll_ctl");
}

static void
sendRest(struct connection *connection)
{
    struct bytes *batch = &batches[connection->batch];
    ssize_t sent = send(connection->descriptor, batch->data + connection->sent,
                        batch->length - connection->sent,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        failFor("send");
    if (sent > 0)
        connection->sent += (size_t)sent;
    int isWaiting = connection->sent < batch->length;
    if (isWaiting != connection->isWaiting)
        watch(connection, EPOLL_CTL_MOD, isWaiting);
}

static void
sendNext(struct connection *connection)
{
    turns += connection == connections;
    connection->batch = (connection->batch + 1) % batchCount;
    connection->sent = 0;
    connection->received = 0;
    sendRest(connection);
}

static void
sendBroadcast(void)
{
    broadcastLeft = expected;
    sendNext(&connections[0]);
}

/* Receiving */

static void
count(struct connection *connection, uint64_t received)
{
    amount += received;
    connection->received += received;
    broadcastLeft -= received;
}

static void
endFrame(struct connection *connection)
{
    unsigned char first = connection->header[0];
    connection->headerLength = 0;
    if ((first & 0x0f) == CLOSE)
        connection->isClosed = 1;
    else if (kind == MESSAGES && first & 0x80 && !(first & 0x08))
        count(connection, 1);
}

static void
receivePayload(struct connection *connection, uint64_t length)
{
    connection->missing -= length;
    if (kind != MESSAGES && !(connection->header[0] & 0x08))
        count(connection, length);
    if (!connection->missing)
        endFrame(connection);
}

static void
receiveHeader(struct connection *connection, unsigned char byte)
{
    unsigned char *header = connection->header;
    header[connection->headerLength++] = byte;
    if (connection->headerLength < 2)
        return;
    int extended = header[1] == 127 ? 8 : header[1] == 126 ? 2 : 0;
    if (connection->headerLength < 2 + extended)
        return;
    uint64_t length = extended ? 0 : header[1];
    for (int i = 0; i < extended; i++)
        length = length << 8 | header[2 + i];
    connection->missing = length;
    if (!length)
        endFrame(connection);
}

static void
receiveFrames(struct connection *connection, char *data, size_t length)
{
    while (length) {
        size_t taken = 1;
        if (connection->missing) {
            taken = length < connection->missing ? length : connection->missing;
            receivePayload(connection, taken);
        } else {
            receiveHeader(connection, (unsigned char)*data);
        }
        data += taken;
        length -= taken;
    }
}

/* Take what may be a part of the answer's head; tell how much of it was. */
static size_t
receiveHead(struct connection *connection, char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char wanted = "\r\n\r\n"[connection->matched];
        connection->matched = data[i] == wanted ? connection->matched + 1
                              : data[i] == '\r' ? 1
                                                : 0;
        if (connection->matched == 4) {
            connection->isOpen = 1;
            return i + 1;
        }
    }
    return length;
}

static void
checkHead(char *head, size_t length)
{
    head[length] = 0;
    if (strncmp(head, "HTTP/1.1 101", 12))
        fail("the server refuses: %.200s", head);
    if (*requiredHeader && !strcasestr(head, requiredHeader))
        fail("the server does not agree to %s", requiredHeader);
}

static ssize_t
receive(struct connection *connection)
{
    static char data[256 * 1024 + 1];
    ssize_t length = recv(connection->descriptor, data, sizeof data - 1, 0);
    if (length < 0)
        failFor("recv");
    if (!length || kind == RAW) {
        count(connection, (uint64_t)length);
        return length;
    }
    size_t head = 0;
    if (!connection->isOpen) {
        if (!connection->matched)
            checkHead(data, (size_t)length);
        head = receiveHead(connection, data, (size_t)length);
    }
    receiveFrames(connection, data + head, (size_t)length - head);
    return length;
}

/* Connections */

static void
openTransport(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(connection, 0, sizeof *connection);
    connection->batch = -1;
    connection->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->descriptor < 0)
        failFor("socket");
    if (connect(connection->descriptor, (struct sockaddr *)&address, sizeof address))
        failFor("connect");
    int one = 1;
    setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(connection, EPOLL_CTL_ADD, 0);
    if (!request.length)
        return;
    if (send(connection->descriptor, request.data, request.length, MSG_NOSIGNAL) < 0)
        failFor("send");
}

static void
openConnection(struct connection *connection)
{
    openTransport(connection);
    while (request.length && !connection->isOpen)
        if (!receive(connection))
            fail("the server closes the connection in its opening handshake");
}

static void
openAll(struct connection *first, int length)
{
    for (int i = 0; i < length; i++)
        openConnection(&first[i]);
}

/* The only thing that is sent between the opening and the closing. */
static void
sendClose(struct connection *connection)
{
    static const char close_[] = "\x88\x82\0\0\0\0\x03\xe8";
    if (send(connection->descriptor, close_, sizeof close_ - 1, MSG_NOSIGNAL) < 0)
        failFor("send");
}

static void
shakeHands(struct connection *connection)
{
    int wasOpen = connection->isOpen;
    ssize_t length = receive(connection);
    if (!wasOpen && connection->isOpen)
        sendClose(connection);
    if (connection->isClosed) {
        amount++;
    } else if (length) {
        return;
    } else {
        fail("the server closes the connection without a Close");
    }
    close(connection->descriptor);
    openTransport(connection);
    turns += connection == connections;
}

/* Measuring */

static void
handle(struct connection *connection, uint32_t events)
{
    if (kind == HANDSHAKE) {
        shakeHands(connection);
        return;
    }
    if (events & EPOLLOUT)
        sendRest(connection);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    if (!receive(connection) || connection->isClosed)
        fail("the server closes a connection");
    if (kind == BROADCAST) {
        if (!broadcastLeft)
            sendBroadcast();
    } else if (connection->received >= expected) {
        sendNext(connection);
    }
}

/*
 * Run for some time and at least some turns, to the end of a turn: if it is a
 * large message, much of it may be on its way at any other moment.
 */
static void
run(double duration, uint64_t least)
{
    struct epoll_event events[EVENTS];
    double end = readClock(CLOCK_MONOTONIC) + duration;
    uint64_t last = turns + least;
    for (;;) {
        int length = epoll_wait(poll_, events, EVENTS, -1);
        int isOver = readClock(CLOCK_MONOTONIC) >= end;
        for (int i = 0; i < length; i++) {
            uint64_t turn = turns;
            handle(events[i].data.ptr, events[i].events);
            if (isOver && turns != turn && turns >= last)
                return;
        }
    }
}

static void
begin(void)
{
    if (kind == HANDSHAKE) {
        for (int i = 0; i < connectionCount; i++)
            openTransport(&connections[i]);
        return;
    }
    openAll(connections, connectionCount);
    if (kind == BROADCAST) {
        sendBroadcast();
    } else {
        for (int i = 0; i < connectionCount; i++)
            sendNext(&connections[i]);
    }
}

static void
measureTraffic(void)
{
    begin();
    run(seconds / 4, WARM_TURNS);
    uint64_t before = amount;
    double begun = readClock(CLOCK_MONOTONIC);
    double used = serverTime();
    run(seconds, TURNS);
    amount -= before;
    print(serverTime() - used, readClock(CLOCK_MONOTONIC) - begun);
}

/* The first connections make the server load what it needs for any. */
static void
measureMemory(void)
{
    struct connection warm[WARM_CONNECTIONS];
    openAll(warm, WARM_CONNECTIONS);
    usleep((useconds_t)(seconds * 5e5));
    double before = serverMemory();
    double begun = readClock(CLOCK_MONOTONIC);
    openAll(connections, connectionCount);
    usleep((useconds_t)(seconds * 5e5));
    amount = (uint64_t)connectionCount;
    print(serverMemory() - before, readClock(CLOCK_MONOTONIC) - begun);
}

int
main(int length, char **arguments)
{
    if (length != 8)
        fail("usage: load KIND PID PORT CONNECTIONS SECONDS EXPECTED HEADER");
    while (kind < KINDS && strcmp(kinds[kind], arguments[1]))
        kind++;
    server = atoi(arguments[2]);
    port = atoi(arguments[3]);
    connectionCount = atoi(arguments[4]);
    seconds = atof(arguments[5]);
    expected = strtoull(arguments[6], NULL, 10);
    requiredHeader = arguments[7];
    if (kind == KINDS || connectionCount < 1)
        fail("%s with %d connections: there is no such load", arguments[1],
             connectionCount);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    readTraffic();
    if (!batchCount && kind != HANDSHAKE && kind != IDLE)
        fail("the traffic has no batch");
    connections = calloc((size_t)connectionCount, sizeof *connections);
    poll_ = epoll_create1(0);
    if (kind == IDLE)
        measureMemory();
    else
        measureTraffic();
    return 0;
}
