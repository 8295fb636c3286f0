/**
 * Converts stream records from the form of the DynamoDB Streams API to the form of a Lambda event,
 * and hides where a local engine's records differ from AWS's.
 */

import type { _Record, AttributeValue } from "@aws-sdk/client-dynamodb-streams";
import { isDeepStrictEqual } from "node:util";

/** Attribute values in DynamoDB JSON: numbers are text, binary values are base64. */
type Image = Record<string, unknown>;

/**
 * A stream record in a Lambda event.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export interface StreamRecord {
  eventID: string;
  eventName: string;
  eventVersion: string;
  eventSource: string;
  awsRegion: string;
  dynamodb: {
    ApproximateCreationDateTime: number; // epoch seconds
    Keys: Image;
    NewImage?: Image;
    OldImage?: Image;
    SequenceNumber: string;
    SizeBytes: number;
    StreamViewType: string;
  };
  userIdentity?: { type: string; principalId: string };
  eventSourceARN: string;
}

/**
 * Converts a record of the Streams API into a record of a Lambda event.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
 */
export function streamRecord(record: _Record, streamArn: string): StreamRecord {
  const { dynamodb = {}, userIdentity } = record;
  return {
    eventID: record.eventID ?? "",
    eventName: eventName(record),
    eventVersion: record.eventVersion ?? "1.1",
    eventSource: record.eventSource ?? "aws:dynamodb",
    awsRegion: record.awsRegion ?? "",
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(
        (dynamodb.ApproximateCreationDateTime?.getTime() ?? 0) / 1000,
      ),
      Keys: image(dynamodb.Keys ?? {}),
      ...(dynamodb.NewImage && { NewImage: image(dynamodb.NewImage) }),
      ...(dynamodb.OldImage && { OldImage: image(dynamodb.OldImage) }),
      SequenceNumber: dynamodb.SequenceNumber ?? "",
      SizeBytes: dynamodb.SizeBytes ?? 0,
      StreamViewType: dynamodb.StreamViewType ?? "",
    },
    ...(userIdentity && {
      userIdentity: {
        type: userIdentity.Type ?? "",
        principalId: userIdentity.PrincipalId ?? "",
      },
    }),
    eventSourceARN: streamArn,
  };
}

/**
 * True for a write that changed nothing. AWS has no stream record for it, dynoxide has one.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 */
export function isUnchanged({ dynamodb: { NewImage, OldImage } }: StreamRecord): boolean {
  return NewImage !== undefined && isDeepStrictEqual(NewImage, OldImage);
}

// DynamoDB Local 3.3.1 uses a name for expired items that AWS does not have.
function eventName({ eventName: name, dynamodb }: _Record): string {
  if (name === "INSERT" || name === "MODIFY") return name;
  return dynamodb?.NewImage ? (name ?? "") : "REMOVE";
}

function image(attributes: Record<string, AttributeValue>): Image {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, attribute(value)]),
  );
}

function attribute(value: AttributeValue): unknown {
  if (value.B) return { B: base64(value.B) };
  if (value.BS) return { BS: value.BS.map(base64) };
  if (value.L) return { L: value.L.map(attribute) };
  if (value.M) return { M: image(value.M) };
  return value;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
