// The build of bottleneck without Redis. A job takes half the CPU time of the main build, which is compiled for old runtimes.
declare module 'bottleneck/light.js' {
  import Bottleneck from 'bottleneck';
  export default Bottleneck;
}
