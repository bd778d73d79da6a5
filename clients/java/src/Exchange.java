import com.google.protobuf.Message;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import minqing.bureau.v1.Dataset.BatchLimits;
import minqing.bureau.v1.Dataset.DatasetDescription;
import minqing.bureau.v1.ExchangeServiceGrpc;
import minqing.bureau.v1.ExchangeServiceGrpc.ExchangeServiceBlockingStub;
import minqing.bureau.v1.ExchangeServiceOuterClass.ListDatasetsRequest;
import minqing.bureau.v1.ExchangeServiceOuterClass.ListDatasetsResponse;
import minqing.bureau.v1.ExchangeServiceOuterClass.SubmitBatchRequest;
import minqing.bureau.v1.ExchangeServiceOuterClass.SubmitBatchResponse;

/** Calls to the bureau's own adapter, over the gateway or straight. A call that was cut goes again under the same request id. */
final class Exchange implements AutoCloseable {
    private static final Set<Status.Code> CUT = EnumSet.of(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED,
            Status.Code.CANCELLED, Status.Code.ABORTED, Status.Code.RESOURCE_EXHAUSTED);
    private static final int TIMEOUT_SECONDS = 600;

    private final ManagedChannel channel;
    private final int attempts;

    Exchange(String address, File certificate, String serverName, int attempts) throws IOException {
        var tls = GrpcSslContexts.forClient()
                .trustManager(new File(certificate, "ca.pem"))
                .keyManager(new File(certificate, "cert.pem"), new File(certificate, "key.pem"))
                .protocols("TLSv1.3")
                .build();
        channel = NettyChannelBuilder.forTarget(address).sslContext(tls).overrideAuthority(serverName).build();
        this.attempts = attempts;
    }

    /** What the adapter says of its datasets, and how much it takes at once. */
    record Catalogue(List<DatasetDescription> datasets, BatchLimits limits) {}

    Catalogue datasets() throws InterruptedException {
        var found = new ArrayList<DatasetDescription>();
        var token = "";
        while (true) {
            var request = ListDatasetsRequest.newBuilder().setPageToken(token).build();
            ListDatasetsResponse page = call("", stub -> stub.listDatasets(request));
            found.addAll(page.getDatasetsList());
            token = page.getNextPageToken();
            if (token.isEmpty()) {
                return new Catalogue(found, page.getLimits());
            }
        }
    }

    /** One call; `purpose` is what the caller needs personal data for, or empty. */
    <T extends Message> T call(String purpose, Function<ExchangeServiceBlockingStub, T> method) throws InterruptedException {
        var headers = new Metadata();
        if (!purpose.isEmpty()) {
            headers.put(Metadata.Key.of("minqing-purpose", Metadata.ASCII_STRING_MARSHALLER), purpose);
        }
        return again(() -> method.apply(ExchangeServiceGrpc.newBlockingStub(channel)
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                .withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)));
    }

    /** Sends a batch; `parts` gives its messages anew for each attempt. */
    SubmitBatchResponse submit(Supplier<Iterator<SubmitBatchRequest>> parts) throws InterruptedException {
        return again(() -> {
            var answer = new CompletableFuture<SubmitBatchResponse>();
            ExchangeServiceGrpc.newStub(channel).withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                    .submitBatch(new Sender(parts.get(), answer));
            try {
                return answer.get();
            } catch (ExecutionException fault) {
                throw Status.fromThrowable(fault.getCause()).asRuntimeException();
            } catch (InterruptedException stop) {
                throw Status.ABORTED.withCause(stop).asRuntimeException();
            }
        });
    }

    private <T> T again(Supplier<T> call) throws InterruptedException {
        for (int attempt = 1;; attempt++) {
            try {
                return call.get();
            } catch (StatusRuntimeException fault) {
                var code = fault.getStatus().getCode();
                if (!CUT.contains(code) || attempt == attempts) {
                    throw fault;
                }
                long pause = Math.min(30, 1L << (attempt - 1));
                System.err.printf("%s; again in %d s 中断，%d 秒后重发%n", code, pause, pause);
                TimeUnit.SECONDS.sleep(pause);
            }
        }
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** Sends as fast as the adapter reads, so that a large batch does not pile up in memory. */
    private static final class Sender implements ClientResponseObserver<SubmitBatchRequest, SubmitBatchResponse> {
        private final Iterator<SubmitBatchRequest> parts;
        private final CompletableFuture<SubmitBatchResponse> answer;
        private boolean ended;

        Sender(Iterator<SubmitBatchRequest> parts, CompletableFuture<SubmitBatchResponse> answer) {
            this.parts = parts;
            this.answer = answer;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<SubmitBatchRequest> stream) {
            stream.setOnReadyHandler(() -> {
                while (stream.isReady() && parts.hasNext()) {
                    stream.onNext(parts.next());
                }
                if (!parts.hasNext() && !ended) {
                    ended = true;
                    stream.onCompleted();
                }
            });
        }

        @Override
        public void onNext(SubmitBatchResponse told) {
            answer.complete(told);
        }

        @Override
        public void onError(Throwable fault) {
            answer.completeExceptionally(fault);
        }

        @Override
        public void onCompleted() {
            answer.completeExceptionally(Status.INTERNAL.withDescription("no answer to the batch").asException());
        }
    }
}
