import type { _Record, AttributeValue } from "@aws-sdk/client-dynamodb-streams";
import { isDeepStrictEqual } from "node:util";

type Image = Record<string, unknown>; // attribute values as DynamoDB's JSON: numbers and binary as text

/**
 * A record as Lambda hands it to a function.
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

/** Turns a record as the Streams API gives it into one as a function sees it. */
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

/** A write that changes nothing has no record on AWS; dynoxide makes one. */
export function changesNothing({ dynamodb: { NewImage, OldImage } }: StreamRecord): boolean {
  return NewImage !== undefined && isDeepStrictEqual(NewImage, OldImage);
}

// DynamoDB Local 3.3.1 gives expired items a name that no function knows.
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
