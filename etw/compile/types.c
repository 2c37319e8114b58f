#include "etw/compile/types.h"

#include <string.h>

#define IN(type)  EVENT_IN_##type, "EVENT_IN_" #type
#define OUT(type) EVENT_OUT_##type, "EVENT_OUT_" #type

// name, type, C's name of it, default output, C type, by value, integer, may map, sized
static const struct in_type in_types[] = {
    {"win:UnicodeString", IN(UNICODE_STRING), EVENT_OUT_STRING, "const char *", false, false, false,
     true},
    {"win:AnsiString", IN(ANSI_STRING), EVENT_OUT_STRING, "const char *", false, false, false,
     true},
    {"win:Int8", IN(INT8), EVENT_OUT_BYTE, "int8_t", true, true, false, false},
    {"win:UInt8", IN(UINT8), EVENT_OUT_UNSIGNED_BYTE, "uint8_t", true, true, true, false},
    {"win:Int16", IN(INT16), EVENT_OUT_SHORT, "int16_t", true, true, false, false},
    {"win:UInt16", IN(UINT16), EVENT_OUT_UNSIGNED_SHORT, "uint16_t", true, true, true, false},
    {"win:Int32", IN(INT32), EVENT_OUT_INT, "int32_t", true, true, false, false},
    {"win:UInt32", IN(UINT32), EVENT_OUT_UNSIGNED_INT, "uint32_t", true, true, true, false},
    {"win:Int64", IN(INT64), EVENT_OUT_LONG, "int64_t", true, true, false, false},
    {"win:UInt64", IN(UINT64), EVENT_OUT_UNSIGNED_LONG, "uint64_t", true, true, false, false},
    {"win:Float", IN(FLOAT), EVENT_OUT_FLOAT, "float", true, false, false, false},
    {"win:Double", IN(DOUBLE), EVENT_OUT_DOUBLE, "double", true, false, false, false},
    {"win:Boolean", IN(BOOLEAN), EVENT_OUT_BOOLEAN, "bool", true, false, false, false},
    {"win:Binary", IN(BINARY), EVENT_OUT_HEX_BINARY, "void", false, false, false, true},
    {"win:GUID", IN(GUID), EVENT_OUT_GUID, "uint8_t", false, false, false, false},
    {"win:Pointer", IN(POINTER), EVENT_OUT_HEX_INT64, "const void *", true, false, false, false},
    {"win:FILETIME", IN(FILETIME), EVENT_OUT_DATE_TIME, "uint64_t", true, false, false, false},
    {"win:SYSTEMTIME", IN(SYSTEMTIME), EVENT_OUT_DATE_TIME, "uint16_t", false, false, false, false},
    {"win:SID", IN(SID), EVENT_OUT_STRING, "const uint8_t *", false, false, false, true},
    {"win:HexInt32", IN(HEX_INT32), EVENT_OUT_HEX_INT32, "uint32_t", true, true, true, false},
    {"win:HexInt64", IN(HEX_INT64), EVENT_OUT_HEX_INT64, "uint64_t", true, true, false, false},
    {"win:CountedUnicodeString", IN(COUNTED_UNICODE_STRING), EVENT_OUT_STRING, "const char *",
     false, false, false, false},
    {"win:CountedAnsiString", IN(COUNTED_ANSI_STRING), EVENT_OUT_STRING, "const char *", false,
     false, false, false},
    {"win:CountedBinary", IN(COUNTED_BINARY), EVENT_OUT_HEX_BINARY, "void", false, false, false,
     false},
};

static const struct out_type out_types[] = {
    {"xs:string", OUT(STRING)},
    {"xs:dateTime", OUT(DATE_TIME)},
    {"xs:byte", OUT(BYTE)},
    {"xs:unsignedByte", OUT(UNSIGNED_BYTE)},
    {"xs:short", OUT(SHORT)},
    {"xs:unsignedShort", OUT(UNSIGNED_SHORT)},
    {"xs:int", OUT(INT)},
    {"xs:unsignedInt", OUT(UNSIGNED_INT)},
    {"xs:long", OUT(LONG)},
    {"xs:unsignedLong", OUT(UNSIGNED_LONG)},
    {"xs:float", OUT(FLOAT)},
    {"xs:double", OUT(DOUBLE)},
    {"xs:boolean", OUT(BOOLEAN)},
    {"xs:GUID", OUT(GUID)},
    {"xs:hexBinary", OUT(HEX_BINARY)},
    {"win:HexInt8", OUT(HEX_INT8)},
    {"win:HexInt16", OUT(HEX_INT16)},
    {"win:HexInt32", OUT(HEX_INT32)},
    {"win:HexInt64", OUT(HEX_INT64)},
    {"win:PID", OUT(PID)},
    {"win:TID", OUT(TID)},
    {"win:Port", OUT(PORT)},
    {"win:IPv4", OUT(IPV4)},
    {"win:IPv6", OUT(IPV6)},
    {"win:SocketAddress", OUT(SOCKET_ADDRESS)},
    {"win:CIMDateTime", OUT(CIM_DATE_TIME)},
    {"win:ETWTIME", OUT(ETW_TIME)},
    {"win:Xml", OUT(XML)},
    {"win:ErrorCode", OUT(ERROR_CODE)},
    {"win:Win32Error", OUT(WIN32_ERROR)},
    {"win:NTSTATUS", OUT(NTSTATUS)},
    {"win:HResult", OUT(HRESULT)},
    {"win:DateTimeCultureInsensitive", OUT(DATE_TIME_CULTURE_INSENSITIVE)},
    {"win:Json", OUT(JSON)},
    {"win:Utf8", OUT(UTF8)},
    {"win:Pkcs7", OUT(PKCS7)},
    {"win:CodePointer", OUT(CODE_POINTER)},
    {"win:DateTimeUtc", OUT(DATE_TIME_UTC)},
};

const struct in_type *in_type_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof in_types / sizeof in_types[0]; i++)
        if (strcmp(in_types[i].name, name) == 0)
            return &in_types[i];
    return NULL;
}

const struct in_type *in_type_of(unsigned type)
{
    for (size_t i = 0; i < sizeof in_types / sizeof in_types[0]; i++)
        if (in_types[i].type == type)
            return &in_types[i];
    return NULL;
}

const struct out_type *out_type_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof out_types / sizeof out_types[0]; i++)
        if (strcmp(out_types[i].name, name) == 0)
            return &out_types[i];
    return NULL;
}

const struct out_type *out_type_of(unsigned type)
{
    for (size_t i = 0; i < sizeof out_types / sizeof out_types[0]; i++)
        if (out_types[i].type == type)
            return &out_types[i];
    return NULL;
}
