/**
 * DynamoDB's typed JSON for plain values, with the rules of the SDK's `marshall` and `unmarshall`:
 * `undefined` is left out, a number outside the safe integers is refused when written and a `bigint`
 * when read. Anything that is not plain data is refused, so that nothing is stored in another form.
 * Members are read by `Object.keys`: `Object.entries` makes a list of each, at four times the cost.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
 */

/** A value as DynamoDB's protocol has it; bytes are base64. */
export type AttributeValue = Readonly<Record<string, unknown>>;

type Fields = Record<string, unknown>;

/** Returns the attributes of an item. Throws at a value that DynamoDB cannot hold. */
export function marshall(item: object): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  for (const name of Object.keys(item)) {
    const value = (item as Fields)[name];
    if (value !== undefined) set(attributes, name, marshallValue(value));
  }
  return attributes;
}

/** Returns an item of attributes. Throws at a type that DynamoDB does not have. */
export function unmarshall(attributes: object): Fields {
  const item: Fields = {};
  for (const name of Object.keys(attributes)) {
    set(item, name, unmarshallValue((attributes as Record<string, AttributeValue>)[name] ?? {}));
  }
  return item;
}

/** Sets an own property, also one with the name of the prototype's accessor. */
function set(fields: Fields, name: string, value: unknown): void {
  if (name !== "__proto__") fields[name] = value;
  else Object.defineProperty(fields, name, { value, enumerable: true, configurable: true });
}

function marshallValue(value: unknown): AttributeValue {
  switch (typeof value) {
    case "string":
      return { S: value };
    case "number":
      return { N: numeral(value) };
    case "boolean":
      return { BOOL: value };
    case "bigint":
      return { N: String(value) };
    case "object":
      return value === null ? { NULL: true } : marshallObject(value);
    default:
      throw new Error(`DynamoDB has no type for a ${typeof value}`);
  }
}

function marshallObject(value: object): AttributeValue {
  if (Array.isArray(value)) {
    return { L: value.filter((each) => each !== undefined).map(marshallValue) };
  }
  if (value instanceof Set) return marshallSet([...value] as unknown[]);
  if (value instanceof Uint8Array) return { B: base64(value) };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Error(`DynamoDB has no type for a ${value.constructor.name}`);
  }
  return { M: marshall(value) };
}

/** The members of a set have one type, and DynamoDB refuses an empty set. */
function marshallSet(members: readonly unknown[]): AttributeValue {
  const all = (test: (member: unknown) => boolean) => members.length > 0 && members.every(test);
  if (all((member) => typeof member === "string")) return { SS: members };
  if (all((member) => typeof member === "number"))
    return { NS: (members as number[]).map(numeral) };
  if (all((member) => member instanceof Uint8Array)) {
    return { BS: (members as Uint8Array[]).map(base64) };
  }
  throw new Error("A set in DynamoDB has strings, numbers or bytes, and at least one");
}

function numeral(number: number): string {
  if (!(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) {
    throw new Error(`The number ${number} cannot be stored exactly`);
  }
  return String(number);
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function unmarshallValue(value: AttributeValue): unknown {
  for (const type of Object.keys(value)) {
    const given = value[type];
    switch (type) {
      case "S":
      case "BOOL":
        return given;
      case "N":
        return numberOf(given as string);
      case "NULL":
        return null;
      case "M":
        return unmarshall(given as object);
      case "L":
        return (given as AttributeValue[]).map(unmarshallValue);
      case "SS":
        return new Set(given as string[]);
      case "NS":
        return new Set((given as string[]).map(numberOf));
      case "B":
        return bytesOf(given);
      case "BS":
        return new Set((given as unknown[]).map(bytesOf));
      default:
        throw new Error(`DynamoDB has no type ${type}`);
    }
  }
  throw new Error("An attribute without a type");
}

function numberOf(text: string): number | bigint {
  const number = Number(text);
  const isExact = Math.abs(number) <= Number.MAX_SAFE_INTEGER || !Number.isFinite(number);
  return isExact ? number : BigInt(text);
}

/** The SDK has decoded bytes already, in the errors that it throws. */
const bytesOf = (given: unknown): Uint8Array =>
  new Uint8Array(given instanceof Uint8Array ? given : Buffer.from(given as string, "base64"));
