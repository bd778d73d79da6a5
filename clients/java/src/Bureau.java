import com.google.protobuf.Any;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import minqing.bureau.v1.BatchOuterClass.WithdrawBatchRequest;
import minqing.bureau.v1.Dataset.BatchLimits;
import minqing.bureau.v1.ExchangeServiceOuterClass.AcknowledgeReferralsRequest;
import minqing.bureau.v1.ExchangeServiceOuterClass.BatchHeader;
import minqing.bureau.v1.ExchangeServiceOuterClass.BatchRows;
import minqing.bureau.v1.ExchangeServiceOuterClass.FeedbackRecord;
import minqing.bureau.v1.ExchangeServiceOuterClass.FetchReferralsRequest;
import minqing.bureau.v1.ExchangeServiceOuterClass.Referral;
import minqing.bureau.v1.ExchangeServiceOuterClass.ReportFeedbackRequest;
import minqing.bureau.v1.ExchangeServiceOuterClass.SubmitBatchRequest;
import minqing.bureau.v1.Verification.AcknowledgeVerificationsRequest;
import minqing.bureau.v1.Verification.AnswerVerificationRequest;
import minqing.bureau.v1.Verification.FetchVerificationsRequest;
import minqing.bureau.v1.Verification.VerificationAnswer;
import minqing.bureau.v1.Verification.VerificationRequest;
import minqing.types.v1.Types.BatchMode;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A bureau's client of the mesh (部门客户端): sends batches, fetches referrals and verifications, answers them. */
@Command(name = "bureau", description = {
    "A bureau's client of the mesh (部门客户端): sends batches, fetches referrals and verifications, answers them.",
    "Sending the same batch again is safe: its number makes the request's id, and a repeat gets the first answer.",
    "So it is with answers, whose ids are made of what they say."})
public final class Bureau {
    /** Most in one request. */
    private static final int NAMES = 100;
    private static final int ANSWERS = 500;

    @Option(names = "--address", description = "the gateway's or the adapter's host:port")
    private String address;

    @Option(names = "--certificate", description = "folder with ca.pem, cert.pem, key.pem")
    private File certificate;

    @Option(names = "--server-name", defaultValue = "gateway", description = "name in the server's certificate")
    private String serverName;

    @Option(names = "--attempts", defaultValue = "6", description = "how often a call that was cut is tried")
    private int attempts;

    @Option(names = {"-h", "--help"}, usageHelp = true, scope = CommandLine.ScopeType.INHERIT, description = "show this help")
    private boolean help;

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    /** Exit code: 0 all taken, 1 something refused, 2 a fault that is told on standard error. */
    public static void main(String[] arguments) {
        System.setErr(new PrintStream(System.err, true, StandardCharsets.UTF_8));
        var line = new CommandLine(new Bureau());
        line.setExecutionExceptionHandler((fault, where, parsed) -> {
            System.err.println(told(fault));
            return 2;
        });
        System.exit(line.execute(arguments));
    }

    private static String told(Exception fault) {
        if (fault instanceof StatusRuntimeException refused) {
            return refused.getStatus().getCode() + ": " + refused.getStatus().getDescription();
        }
        return fault instanceof Rows.Fault ? fault.getMessage() : fault.toString();
    }

    private Exchange exchange() throws IOException, Rows.Fault {
        if (address == null || certificate == null) {
            throw new Rows.Fault("--address and --certificate are needed, before the command 命令之前须写明地址和证书");
        }
        return new Exchange(address, certificate, serverName, attempts);
    }

    @Command(description = "what may be sent: datasets, columns, codes 数据集目录")
    int datasets() throws Exception {
        try (var exchange = exchange()) {
            for (var dataset : exchange.datasets().datasets()) {
                out.println(dataset.getDataset().getName() + "\t" + dataset.getDataset().getTitle());
                for (var column : dataset.getColumnsList()) {
                    var need = column.getColumn().getRequired() ? "required 必填" : "";
                    var codes = column.getCodesList().stream().map(c -> c.getStandard()).collect(Collectors.joining("/"));
                    out.printf("    %s\t%s\t%s\t%s%n", column.getField(), column.getColumn().getHeader(), need, codes);
                }
            }
            return 0;
        }
    }

    @Command(description = "send a CSV file as one batch 报送一批")
    int send(
            @Parameters(paramLabel = "FILE.csv") Path file,
            @Option(names = "--dataset", paramLabel = "NAME", required = true, description = "name as `datasets` shows it") String name,
            @Option(names = "--division", paramLabel = "CODE", required = true, description = "county that the batch covers, 6 digits") String division,
            @Option(names = "--as-of", paramLabel = "DATE", required = true, description = "day on which the data stood, YYYY-MM-DD") String asOf,
            @Option(names = "--snapshot", description = "all there is, not only what changed 全量") boolean snapshot,
            @Option(names = "--batch-no", paramLabel = "NUMBER", description = "the bureau's own number; the file's name when not given") String given,
            @Option(names = "--receipt", paramLabel = "FILE", description = "where the signed receipt goes; beside the file") Path receiptFile)
            throws Exception {
        try (var exchange = exchange()) {
            var catalogue = exchange.datasets();
            var dataset = catalogue.datasets().stream().filter(d -> d.getDataset().getName().equals(name)).findFirst()
                    .orElseThrow(() -> new Rows.Fault("no dataset " + name + "; there are 没有这个数据集，可用的有: " + catalogue
                            .datasets().stream().map(d -> d.getDataset().getName()).collect(Collectors.joining(", "))));
            var rows = Rows.read(file, dataset);
            var batchNo = given != null ? given : file.getFileName().toString().replaceFirst("\\.[^.]*$", "");
            var header = BatchHeader.newBuilder()
                    .setRequestId(id("minqing/" + dataset.getMessageType() + "/" + batchNo))
                    .setBatchNo(batchNo).setDataset(name).setDivisionCode(division).setAsOf(asOf).setRowCount(rows.size())
                    .setMode(snapshot ? BatchMode.BATCH_MODE_SNAPSHOT : BatchMode.BATCH_MODE_CHANGES);
            var answer = exchange.submit(() -> parts(header.build(), rows, catalogue.limits()));
            var batch = answer.getBatch();
            out.printf("%s: sent %d 报送, accepted %d 接收, refused %d 退回, changed %d 变化%n",
                    batch.getBatchNo(), batch.getSent(), batch.getAccepted(), batch.getRefused(), batch.getChanged());
            for (var error : answer.getErrorsList()) {
                out.printf("  row %d 第%d行 %s %s: %s %s%n", error.getRow(), error.getRow(), error.getHeader(), error.getField(),
                        error.getMessageZh(), error.getMessage());
            }
            var receipt = receiptFile != null ? receiptFile : Path.of(file + ".receipt.json");
            Files.writeString(receipt, JsonFormat.printer().print(answer.getReceipt()));
            out.println("receipt 回执: " + receipt);
            return batch.getRefused() > 0 ? 1 : 0;
        }
    }

    /** The header, then the rows in messages as large as the adapter takes. */
    private static Iterator<SubmitBatchRequest> parts(BatchHeader header, List<Any> rows, BatchLimits limits) {
        var first = Stream.of(SubmitBatchRequest.newBuilder().setHeader(header).build());
        var ends = new ArrayList<Integer>();
        int size = 0;
        for (int at = 0, begun = 0; at < rows.size(); at++) {
            int length = rows.get(at).getSerializedSize() + 8;
            if (at > begun && (at - begun == limits.getRowsPerMessage() || size + length > limits.getBytesPerMessage())) {
                ends.add(at);
                begun = at;
                size = 0;
            }
            size += length;
        }
        ends.add(rows.size());
        var from = new int[] {0};
        var rest = ends.stream().filter(end -> end > 0).map(end -> {
            var some = BatchRows.newBuilder().addAllRows(rows.subList(from[0], end));
            from[0] = end;
            return SubmitBatchRequest.newBuilder().setRows(some).build();
        });
        return Stream.concat(first, rest).iterator();
    }

    @Command(description = "take a batch back with all that it did 撤回一批")
    int withdraw(
            @Parameters(paramLabel = "BATCH", description = "the bureau's own number, or batches/… where several have it") String batch,
            @Option(names = "--reason", paramLabel = "WHY", required = true, description = "without anything of a person") String reason,
            @Option(names = "--user", paramLabel = "USER", required = true, description = "who answers for it") String user)
            throws Exception {
        var request = WithdrawBatchRequest.newBuilder().setRequestId(id("minqing/withdraw/" + batch))
                .setBatch(batch).setReason(reason).setOperator(user).build();
        try (var exchange = exchange()) {
            var withdrawal = exchange.call("", stub -> stub.withdrawBatch(request)).getWithdrawal();
            out.printf("%s: withdrawn 已撤回, records %d 条记录, older batches to send again %d 批需重报%n",
                    batch, withdrawal.getRecords(), withdrawal.getOverridden());
            return 0;
        }
    }

    /** How what waits is fetched. */
    static final class Fetching {
        @Option(names = "--most", defaultValue = "20", description = "at most so many, 1 to 100")
        private int most;

        @Option(names = "--sign", paramLabel = "USER", description = "sign for them in this user's name 签收")
        private String user;
    }

    @Command(description = "fetch waiting referrals as JSON lines; they hold people, so mind where it goes 领取转办")
    int referrals(@Mixin Fetching options) throws Exception {
        try (var exchange = exchange()) {
            var ask = FetchReferralsRequest.newBuilder().setRequestId(chance()).setPageSize(options.most).build();
            var fetched = exchange.call("referral", stub -> stub.fetchReferrals(ask));
            print(fetched.getReferralsList(), fetched.getWithdrawnList(), "taken back, nothing has to be done 已撤回，无需办理");
            var names = fetched.getReferralsList().stream().map(Referral::getName);
            return sign(options.user, Stream.concat(names, fetched.getWithdrawnList().stream()).toList(), (asked, some) -> {
                var request = AcknowledgeReferralsRequest.newBuilder().setRequestId(asked).setOperator(options.user)
                        .addAllReferrals(some).build();
                return exchange.call("", stub -> stub.acknowledgeReferrals(request)).getResultsList().stream()
                        .map(r -> new Result(r.getReferral(), r.getAccepted(), "", r.getMessageZh(), r.getMessage())).toList();
            });
        }
    }

    @Command(description = "fetch waiting verifications as JSON lines; they hold people, so mind where it goes 领取核对")
    int verifications(@Mixin Fetching options) throws Exception {
        try (var exchange = exchange()) {
            var ask = FetchVerificationsRequest.newBuilder().setRequestId(chance()).setPageSize(options.most).build();
            var fetched = exchange.call("verification", stub -> stub.fetchVerifications(ask));
            print(fetched.getVerificationsList(), fetched.getWithdrawnList(),
                    "called off, nothing may be looked up for it any more 已撤销，不得再查询");
            var names = fetched.getVerificationsList().stream().map(VerificationRequest::getName);
            return sign(options.user, Stream.concat(names, fetched.getWithdrawnList().stream()).toList(), (asked, some) -> {
                var request = AcknowledgeVerificationsRequest.newBuilder().setRequestId(asked).setOperator(options.user)
                        .addAllVerifications(some).build();
                return exchange.call("", stub -> stub.acknowledgeVerifications(request)).getResultsList().stream()
                        .map(r -> new Result(r.getVerification(), r.getAccepted(), "", r.getMessageZh(), r.getMessage())).toList();
            });
        }
    }

    /** What waits as JSON lines, and on standard error what no longer does. */
    private void print(List<? extends Message> waiting, List<String> withdrawn, String why) throws IOException {
        var json = JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace();
        for (var one : waiting) {
            out.println(json.print(one));
        }
        // Printed first, signed second: what could not be printed comes again.
        if (out.checkError()) {
            throw new IOException("standard output cannot be written 无法写出");
        }
        withdrawn.forEach(name -> System.err.println(name + ": " + why));
    }

    /** What became of one thing of a request. */
    private record Result(String name, boolean accepted, String field, String messageZh, String message) {}

    /** One request of several. */
    private interface Request<T> {
        List<Result> send(String id, List<T> some) throws Exception;
    }

    /** Signs for names, also of what was withdrawn: it is told until then. */
    private static int sign(String user, List<String> names, Request<String> request) throws Exception {
        if (user == null) {
            return 0;
        }
        int refused = 0;
        for (var some : cut(names, NAMES)) {
            for (var result : request.send(chance(), some)) {
                if (!result.accepted()) {
                    refused++;
                    System.err.println(result.name() + ": " + result.messageZh() + " " + result.message());
                }
            }
        }
        return refused > 0 ? 1 : 0;
    }

    /** A file of answers. */
    static final class Answering {
        @Parameters(paramLabel = "FILE.csv")
        private Path file;

        @Option(names = "--anew", description = "ask anew instead of getting the first answer again, "
                + "as when the batch that was missing has been sent 重新提交")
        private boolean anew;
    }

    @Command(description = "report decisions and aid from a CSV file whose columns are the fields of FeedbackRecord 反馈")
    int answer(@Mixin Answering options) throws Exception {
        try (var exchange = exchange()) {
            return report(options, FeedbackRecord.getDefaultInstance(), (number, result) -> result.name(), (asked, some) -> {
                var request = ReportFeedbackRequest.newBuilder().setRequestId(asked).addAllRecords(some).build();
                return exchange.call("", stub -> stub.reportFeedback(request)).getResultsList().stream()
                        .map(r -> new Result(r.getRecordNo(), r.getAccepted(), r.getField(), r.getMessageZh(), r.getMessage())).toList();
            });
        }
    }

    @Command(description = "answer verifications from a CSV file whose columns are the fields of VerificationAnswer 答复核对")
    int verify(@Mixin Answering options) throws Exception {
        // A line is told by its number: what else tells it apart is a person's.
        BiFunction<Integer, Result, String> label = (number, result) -> "line %d 第%d行".formatted(number, number);
        try (var exchange = exchange()) {
            return report(options, VerificationAnswer.getDefaultInstance(), label, (asked, some) -> {
                var request = AnswerVerificationRequest.newBuilder().setRequestId(asked).addAllAnswers(some).build();
                return exchange.call("", stub -> stub.answerVerification(request)).getResultsList().stream()
                        .map(r -> new Result("", r.getAccepted(), r.getField(), r.getMessageZh(), r.getMessage())).toList();
            });
        }
    }

    /** Sends a CSV file whose columns are the fields of `kind`, and prints what became of each line. */
    private <T extends Message> int report(Answering options, T kind, BiFunction<Integer, Result, String> label, Request<T> request)
            throws Exception {
        var lines = Rows.read(options.file, kind);
        if (lines.isEmpty()) {
            throw new Rows.Fault(options.file + ": no lines to send 没有要发送的行");
        }
        int number = 1;
        int refused = 0;
        for (var some : cut(lines, ANSWERS)) {
            var asked = options.anew ? chance() : id("minqing/" + kind.getDescriptorForType().getName() + "/" + said(some));
            for (var result : request.send(asked, some)) {
                var name = label.apply(++number, result);
                if (result.accepted()) {
                    out.println(name + ": taken 已接收");
                } else {
                    refused++;
                    out.printf("%s: %s: %s %s%n", name, result.field(), result.messageZh(), result.message());
                }
            }
        }
        return refused > 0 ? 1 : 0;
    }

    /** What the lines say, the same in every client. */
    private static String said(List<? extends Message> lines) {
        return lines.stream().map(line -> line.getAllFields().entrySet().stream().map(field -> {
            var value = field.getValue() instanceof EnumValueDescriptor word ? word.getNumber() : field.getValue();
            return field.getKey().getName() + "=" + value;
        }).collect(Collectors.joining("\t"))).collect(Collectors.joining("\n"));
    }

    private static <T> List<List<T>> cut(List<T> many, int most) {
        return IntStream.range(0, (many.size() + most - 1) / most)
                .mapToObj(part -> many.subList(part * most, Math.min(many.size(), (part + 1) * most))).toList();
    }

    private static String chance() {
        return UUID.randomUUID().toString();
    }

    /** The same id for the same text, as UUID version 5 of the URL name space makes it (RFC 9562). */
    private static String id(String text) throws NoSuchAlgorithmException {
        var space = HexFormat.of().parseHex("6ba7b8119dad11d180b400c04fd430c8");
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes(space);
        bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        var hash = ByteBuffer.wrap(MessageDigest.getInstance("SHA-1").digest(bytes.toByteArray()));
        long high = hash.getLong() & ~0xF000L | 0x5000L;
        long low = hash.getLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
        return new UUID(high, low).toString();
    }
}
