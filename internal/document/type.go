package document

// Type is the type byte of a BSON element (bsonspec.org/spec.html).
type Type byte

// The BSON types. TypeMissing is not on the wire: it is the type of a [Value] that was not found.
const (
	TypeMissing       Type = 0x00
	TypeDouble        Type = 0x01
	TypeString        Type = 0x02
	TypeDocument      Type = 0x03
	TypeArray         Type = 0x04
	TypeBinary        Type = 0x05
	TypeUndefined     Type = 0x06
	TypeObjectID      Type = 0x07
	TypeBool          Type = 0x08
	TypeDate          Type = 0x09
	TypeNull          Type = 0x0A
	TypeRegex         Type = 0x0B
	TypeDBPointer     Type = 0x0C
	TypeCode          Type = 0x0D
	TypeSymbol        Type = 0x0E
	TypeCodeWithScope Type = 0x0F
	TypeInt32         Type = 0x10
	TypeTimestamp     Type = 0x11
	TypeInt64         Type = 0x12
	TypeDecimal128    Type = 0x13
	TypeMaxKey        Type = 0x7F
	TypeMinKey        Type = 0xFF
)

// String returns MongoDB's alias of the type, as $type and error messages spell it.
func (t Type) String() string {
	switch t {
	case TypeMissing:
		return "missing"
	case TypeDouble:
		return "double"
	case TypeString:
		return "string"
	case TypeDocument:
		return "object"
	case TypeArray:
		return "array"
	case TypeBinary:
		return "binData"
	case TypeUndefined:
		return "undefined"
	case TypeObjectID:
		return "objectId"
	case TypeBool:
		return "bool"
	case TypeDate:
		return "date"
	case TypeNull:
		return "null"
	case TypeRegex:
		return "regex"
	case TypeDBPointer:
		return "dbPointer"
	case TypeCode:
		return "javascript"
	case TypeSymbol:
		return "symbol"
	case TypeCodeWithScope:
		return "javascriptWithScope"
	case TypeInt32:
		return "int"
	case TypeTimestamp:
		return "timestamp"
	case TypeInt64:
		return "long"
	case TypeDecimal128:
		return "decimal"
	case TypeMaxKey:
		return "maxKey"
	case TypeMinKey:
		return "minKey"
	}
	return "unknown"
}

// Order returns the type's place in MongoDB's total order of values: values of different order compare by it alone,
// values of equal order (all numbers; string and symbol) compare by what they hold. The numbers are mongod's
// canonicalizeBSONType.
func (t Type) Order() int {
	switch t {
	case TypeMinKey:
		return -1
	case TypeMissing, TypeUndefined:
		return 0
	case TypeNull:
		return 5
	case TypeDouble, TypeInt32, TypeInt64, TypeDecimal128:
		return 10
	case TypeString, TypeSymbol:
		return 15
	case TypeDocument:
		return 20
	case TypeArray:
		return 25
	case TypeBinary:
		return 30
	case TypeObjectID:
		return 35
	case TypeBool:
		return 40
	case TypeDate:
		return 45
	case TypeTimestamp:
		return 47
	case TypeRegex:
		return 50
	case TypeDBPointer:
		return 55
	case TypeCode:
		return 60
	case TypeCodeWithScope:
		return 65
	case TypeMaxKey:
		return 127
	}
	return 126
}

// IsNumber reports whether t is one of the four numeric types.
func (t Type) IsNumber() bool {
	return t == TypeInt32 || t == TypeInt64 || t == TypeDouble || t == TypeDecimal128
}

// known reports whether t may stand in a document.
func (t Type) known() bool {
	return t >= TypeDouble && t <= TypeDecimal128 || t == TypeMaxKey || t == TypeMinKey
}
