/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader for pcscd whose card is a program (reader.py): the driver connects to the
 * Unix socket that DEVICENAME names. A message is its length in 2 octets, and so many
 * of them: one octet is a control, which the card answers with its ATR (of no octets if
 * there is no card), anything else is a command. That is the language of vsmartcard's
 * vpcd, which listens on every address of the machine, and aborts when a card is pulled
 * out that it has dialled.
 */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ifdhandler.h>

#define EXPORT   __attribute__((visibility("default")))
#define READERS  16
#define ATR_ROOM MAX_ATR_SIZE

enum control { OFF = 0, ON = 1, RESET = 2, GET_ATR = 4 };

static int links[READERS]; /* descriptors; pcscd lets one thread into a reader */

static int *link_of(DWORD lun)
{
    return &links[(lun >> 16) % READERS];
}

static int read_all(int fd, uint8_t *to, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, to, len);

        if (n <= 0)
            return 0;
        to += n;
        len -= (size_t)n;
    }
    return 1;
}

/* False: the card's program is gone, or what it says has no room. */
static int ask(DWORD lun, const uint8_t *what, size_t len, uint8_t *said, DWORD *room)
{
    uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    int fd = *link_of(lun);
    size_t n;

    if (len > UINT16_MAX || send(fd, head, sizeof head, MSG_NOSIGNAL) != sizeof head ||
        send(fd, what, len, MSG_NOSIGNAL) != (ssize_t)len ||
        !read_all(fd, head, sizeof head))
        return 0;
    n = (size_t)head[0] << 8 | head[1];
    if (n > *room || !read_all(fd, said, n))
        return 0;
    *room = n;
    return 1;
}

static int control(DWORD lun, enum control what, uint8_t atr[ATR_ROOM], DWORD *ret_len)
{
    uint8_t octet = (uint8_t)what;

    *ret_len = ATR_ROOM;
    return ask(lun, &octet, 1, atr, ret_len) && *ret_len > 0;
}

EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(to.sun_path, DeviceName, sizeof to.sun_path - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return IFD_NO_SUCH_DEVICE;
    }
    *link_of(Lun) = fd;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    (void)Lun, (void)Channel;
    return IFD_NO_SUCH_DEVICE;
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    close(*link_of(Lun));
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length,
                                        PUCHAR Value)
{
    uint8_t atr[ATR_ROOM];
    DWORD len;

    if (Tag == TAG_IFD_SIMULTANEOUS_ACCESS || Tag == TAG_IFD_SLOTS_NUMBER) {
        *Value = Tag == TAG_IFD_SLOTS_NUMBER ? 1 : READERS;
        *Length = 1;
        return IFD_SUCCESS;
    }
    if (Tag != TAG_IFD_ATR || !control(Lun, GET_ATR, atr, &len) || len > *Length)
        return IFD_ERROR_TAG;
    memcpy(Value, atr, len);
    *Length = len;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length,
                                        PUCHAR Value)
{
    (void)Lun, (void)Tag, (void)Length, (void)Value;
    return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags,
                                              UCHAR PTS1, UCHAR PTS2, UCHAR PTS3)
{
    (void)Lun, (void)Protocol, (void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    uint8_t atr[ATR_ROOM];
    DWORD len, room = *AtrLength;

    *AtrLength = 0;
    if (Action == IFD_POWER_DOWN) {
        (void)control(Lun, OFF, atr, &len);
        return IFD_SUCCESS;
    }
    if (!control(Lun, Action == IFD_RESET ? RESET : ON, atr, &len) || len > room)
        return IFD_ERROR_POWER_ACTION;
    memcpy(Atr, atr, len);
    *AtrLength = len;
    return IFD_SUCCESS;
}

/* A card that says nothing to a command was pulled out in the middle. */
EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci,
                                      PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                                      PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
    RecvPci->Protocol = SendPci.Protocol;
    if (ask(Lun, TxBuffer, TxLength, RxBuffer, RxLength) && *RxLength > 0)
        return IFD_SUCCESS;
    *RxLength = 0;
    return IFD_COMMUNICATION_ERROR;
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer,
                                DWORD TxLength, PUCHAR RxBuffer, DWORD RxLength,
                                LPDWORD pdwBytesReturned)
{
    (void)Lun, (void)dwControlCode, (void)TxBuffer, (void)TxLength;
    (void)RxBuffer, (void)RxLength;
    *pdwBytesReturned = 0;
    return IFD_NOT_SUPPORTED;
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    uint8_t atr[ATR_ROOM];
    DWORD len;

    return control(Lun, GET_ATR, atr, &len) ? IFD_SUCCESS : IFD_ICC_NOT_PRESENT;
}
