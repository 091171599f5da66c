/* speech: the names that both ends of a connection between members agree on. Numbers in headers are
 * hexadecimal.
 *
 *   POST SPEECH_STREAM     body: frames, one behind the other, for as long as it lasts. "100
 *                          Continue" says that they are welcome.
 *   POST SPEECH_SNAPSHOT   body: the frame of the PEER_SNAPSHOT message, the bytes of the file, and
 *                          CRC32C (u32, little endian) of the file. 204 once it is durable and the
 *                          engine has the message.
 *
 * 412: not the member or cluster that was meant, or another version. 410: the sender was removed.
 */
#pragma once

#define SPEECH_VERSION 1

#define SPEECH_STREAM   "/copse/v1/stream"
#define SPEECH_SNAPSHOT "/copse/v1/snapshot"

#define SPEECH_H_WIRE    "X-Copse-Wire"
#define SPEECH_H_CLUSTER "X-Copse-Cluster"
#define SPEECH_H_FROM    "X-Copse-From"
#define SPEECH_H_TO      "X-Copse-To"
/* Of a stream: one life of the sender, and the number of the stream in it, from 1. An older one
 * than was seen is refused, so that frames never come in another order than they were sent in. */
#define SPEECH_H_SESSION "X-Copse-Session"
#define SPEECH_H_NUMBER  "X-Copse-Number"
/* Of a snapshot: the last entry it holds, and the bytes of the file. */
#define SPEECH_H_INDEX "X-Copse-Index"
#define SPEECH_H_TERM  "X-Copse-Term"
#define SPEECH_H_BYTES "X-Copse-Bytes"

#define SPEECH_CRC_BYTES 4
