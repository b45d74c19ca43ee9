// Package connstring is connection strings: text in, options out.
//
// Parse follows the specifications of connection strings, URI options and authentication: what they call an error is an error that says what
// to do; what they say is ignored is ignored with a warning. No message repeats a password, nor anything that could be a piece of one.
// Whether the client has what a valid text asks for is another question, which Unsupported answers.
//
// # Form
//
//	mongodb://user:password@host1:27017,host2,[::1],%2Ftmp%2Fa.sock/database?option=value&option=value
//	mongodb+srv://user:password@name/database?option=value
//	host1:27017,host2,/tmp/a.sock
//
// Names of options may be in any case. User names, passwords, paths of sockets, database names and values are percent-encoded. With mongodb+srv the
// hosts come from the SRV records of the name, and authSource, replicaSet and loadBalanced can come from its TXT record: Resolve looks them up.
//
// # Options
//
// Numbers have 32 bits; times are in the unit that ends the name. A dash is no default. What is not in the table is ignored with a warning, and so is
// a value that does not have the option's type.
//
//	name                                  type             default      effect
//	replicaSet                            text             –            servers of other sets are not used
//	directConnection                      true or false    false        the one host is used, whatever it is, and no others are discovered
//	loadBalanced                          true or false    false        unsupported
//	srvMaxHosts                           number >= 0      0            how many hosts of the SRV records are used; 0 is all
//	srvServiceName                        service name     mongodb      the records looked up are _name._tcp.host
//	authSource                            text             –            the database that has the user; else the one in the text, else admin, or $external as the mechanism has it
//	authMechanism                         name             –            SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509 or PLAIN; without it the better SCRAM that the user has. MONGODB-AWS, MONGODB-OIDC, GSSAPI and MONGODB-CR are unsupported
//	authMechanismProperties               name:value,...   –            for mechanisms that are unsupported; values have no commas
//	tls                                   true or false    false        connections are encrypted; also called ssl. It is true by itself with mongodb+srv, with MONGODB-X509, and with any other option whose name begins with tls
//	tlsInsecure                           true or false    false        neither the certificates nor the names of servers are checked
//	tlsAllowInvalidCertificates           true or false    false        the certificates of servers are not checked
//	tlsAllowInvalidHostnames              true or false    false        the names in servers' certificates are not checked
//	tlsCAFile                             path             –            the authorities that are trusted, in place of the system's
//	tlsCertificateKeyFile                 path             –            the client's certificate and its key, in one file
//	tlsCertificateKeyFilePassword         text             –            decrypts that key
//	tlsDisableOCSPEndpointCheck           true or false    false        true is what the client does anyhow; false, if it is given, is unsupported
//	tlsDisableCertificateRevocationCheck  true or false    false        true is what the client does anyhow; false, if it is given, is unsupported
//	appName                               text             –            shown in the server's log and currentOp; at most 128 bytes
//	compressors                           list             –            snappy, zlib, zstd, in order of preference
//	zlibCompressionLevel                  -1 to 9          -1           from fast (1) to small (9); 0 does not compress, -1 is the library's own choice
//	uuidRepresentation                    word             unspecified  standard, or unspecified, which is the same here; csharpLegacy, javaLegacy and pythonLegacy are unsupported
//	proxyHost                             text             –            unsupported
//	proxyPort                             0 to 65535       1080         with proxyHost
//	proxyUsername                         text             –            with proxyHost
//	proxyPassword                         text             –            with proxyHost
//	readPreference                        word             primary      which members are read from: primary, primaryPreferred, secondary, secondaryPreferred, nearest
//	readPreferenceTags                    name:value,...   –            only members with these tags are read from; repeated, each is tried when none fits the ones before it; an empty one fits all
//	maxStalenessSeconds                   number > 0       -1           members that are further behind are not read from; -1 is no limit
//	readConcernLevel                      text             –            what reads see; without it the server's default
//	w                                     number or text   –            how many members, or which mode, must have a write; without it the server's default
//	journal                               true or false    –            writes wait for the journal; without it the server's default
//	wtimeoutMS                            number >= 0      0            how long a write waits for members; 0 is no limit
//	retryReads                            true or false    true         reads that lost their server are sent again, once
//	retryWrites                           true or false    true         writes that lost their server are sent again, once, where that is safe
//	minPoolSize                           number >= 0      0            connections that are kept to each server, also when nothing is to be done
//	maxPoolSize                           number >= 0      100          the most connections to each server; 0 is no limit
//	maxConnecting                         number >= 1      2            how many of them are established at once
//	maxIdleTimeMS                         number >= 0      0            connections that were idle for longer are closed; 0 is no limit
//	waitQueueTimeoutMS                    number >= 0      0            how long an operation waits for a connection; 0 is no limit
//	connectTimeoutMS                      number >= 0      10000        how long one connection may take to be established; 0 is no limit
//	socketTimeoutMS                       number >= 0      0            how long one send or receive may take; 0 is no limit
//	serverSelectionTimeoutMS              number >= 1      30000        how long an operation looks for a server
//	serverSelectionTryOnce                false            false        false is what the client does; true is for clients with one thread
//	localThresholdMS                      number >= 0      15           how much slower than the fastest a server may answer and still be used
//	heartbeatFrequencyMS                  number >= 500    10000        how often servers are asked how they are
//	serverMonitoringMode                  word             auto         stream: servers tell of changes at once; poll: they are asked; auto: stream where it is possible
//	timeoutMS                             number >= 0      –            how long an operation may take in whole, in place of the other timeouts; 0 is no limit
//
// Old names, which warn: wtimeout is wtimeoutMS, and j is journal. Old spellings of true (1, yes, y, t) and false (0, -1, no, n, f) warn as well.
package connstring
