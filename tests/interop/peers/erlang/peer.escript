%% A peer for the tests: Erlang's ssl as an echo server, and as a client that carries its input to one.
%%! -env ERL_CRASH_DUMP_SECONDS 0
%% (a handshake that fails ends it: no crash dump for that, into the folder it runs in)
-mode(compile).

main([Role | Words]) ->
    {ok, _} = application:ensure_all_started(ssl),
    Options = parse(Words),
    case Role of
        "server" -> serve(Options);
        "client" -> connect(Options)
    end.

parse(["--" ++ Name, Value | Words]) -> maps:put(Name, Value, parse(Words));
parse([]) -> #{}.

configure(Options) ->
    #{"min-version" := Version, "max-version" := Version, "suite" := Suite} = Options,
    [binary, {active, false}, {versions, [list_to_atom("tlsv" ++ Version)]}, {ciphers, [ssl:str_to_suite(Suite)]}]
        ++ [{certfile, File} || {ok, File} <- [maps:find("certificate", Options)]]
        ++ [{keyfile, File} || {ok, File} <- [maps:find("key", Options)]]
        ++ [{cacertfile, File} || {ok, File} <- [maps:find("ca", Options)]]
        ++ [{user_lookup_fun, {fun key/3, binary:decode_hex(list_to_binary(Key))}}
            || {ok, Key} <- [maps:find("psk", Options)]].

key(psk, _IdentityOrHint, Key) -> {ok, Key}.

%% RFC 5054, section 2.4: the password's hash is what a verifier is made of.
verifier(srp, User, Password) ->
    Salt = crypto:strong_rand_bytes(16),
    {ok, {srp_2048, Salt, crypto:hash(sha, [Salt, crypto:hash(sha, [User, $:, Password])])}}.

serve(Options) ->
    Users = [{user_lookup_fun, {fun verifier/3, Password}} || {ok, Password} <- [maps:find("password", Options)]],
    {ok, Listener} = ssl:listen(0, [{ip, {127, 0, 0, 1}} | configure(Options) ++ Users]),
    {ok, {_, Port}} = ssl:sockname(Listener),
    io:format("PORT ~b~n", [Port]),
    spawn_link(fun() -> accept(Listener) end),
    receive never -> ok end.

accept(Listener) ->
    {ok, Accepted} = ssl:transport_accept(Listener),
    spawn(fun() -> accept(Listener) end),
    {ok, Socket} = ssl:handshake(Accepted),
    echo(Socket).

echo(Socket) ->
    case ssl:recv(Socket, 0) of
        {ok, Data} -> ok = ssl:send(Socket, Data), echo(Socket);
        {error, closed} -> ssl:close(Socket)
    end.

connect(Options) ->
    #{"port" := Port, "name" := Name} = Options,
    Identity = [{psk_identity, Own} || {ok, Own} <- [maps:find("psk-identity", Options)]]
        ++ [{srp_identity, {User, maps:get("password", Options)}} || {ok, User} <- [maps:find("user", Options)]],
    Checks = [{verify, verify_peer}, {server_name_indication, Name}],
    {ok, Socket} = ssl:connect({127, 0, 0, 1}, list_to_integer(Port), configure(Options) ++ Identity ++ Checks),
    ok = io:setopts(standard_io, [binary]),
    spawn_link(fun() -> print(Socket) end),
    carry(Socket).

carry(Socket) ->
    case io:get_line("") of
        eof -> ssl:close(Socket);
        Line -> ok = ssl:send(Socket, Line), carry(Socket)
    end.

print(Socket) ->
    case ssl:recv(Socket, 0) of
        {ok, Data} -> ok = io:put_chars(Data), print(Socket);
        {error, closed} -> ok
    end.
