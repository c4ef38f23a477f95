// The build of bottleneck without Redis. A job costs half as much CPU as in the main build, whose functions are compiled for old runtimes.
declare module 'bottleneck/light.js' {
  import Bottleneck from 'bottleneck';
  export default Bottleneck;
}
